// A client of the SPIFFE Workload API, made from the published definition, as the user of these numbers: what the first answer says, or why there is
// none. Modules are loaded before root is given up: that user may not be able to read them.
import { readFileSync } from 'node:fs';
import { Metadata, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const [socket, uid, gid, ...files] = process.argv.slice(2);
const definition = loadSync(new URL('../fixtures/spiffe/workload.proto', import.meta.url).pathname, {
  defaults: true,
});
process.setgroups([]);
process.setgid(Number(gid));
process.setuid(Number(uid));

const read = files.map((file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    return error.code;
  }
});
const stub = loadPackageDefinition(definition).SpiffeWorkloadAPI;
const client = new stub(socket, credentials.createInsecure());
const metadata = new Metadata();
metadata.set('workload.spiffe.io', 'true');
const stream = client.FetchX509SVID({}, metadata);
const say = (said) => {
  console.log(JSON.stringify({ ...said, read }));
  stream.cancel();
  client.close();
};
stream.on('error', ({ code, details }) => code !== 1 && say({ code, details }));
stream.on('data', ({ svids }) =>
  say({ svids: svids.map(({ spiffeId, hint, x509Svid }) => ({ spiffeId, hint, bytes: x509Svid.length })) }),
);
