// A task that speaks mutual TLS with the files of its identity, as a program of anybody's would. `serve` answers with the id of who
// calls; `call` makes new connections all the time and writes down how it went.
import { readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import { dirname, join } from 'node:path';

const {
  RIMROCK_CERT_FILE: certFile = '',
  MESOS_SANDBOX: sandbox = '.',
  PORT0,
  SERVER_PORT,
  SERVER_ID,
  RATE,
} = process.env;
const link = dirname(certFile);

/** The link is followed once: key and certificate are of one generation. */
function identity() {
  const folder = realpathSync(link);
  const text = (name) => readFileSync(join(folder, name), 'utf8');
  return { folder, cert: text('cert.pem'), key: text('key.pem'), ca: text('bundle.pem') };
}

const idOf = (certificate) => /URI:(\S+?)(,|$)/.exec(certificate?.subjectaltname ?? '')?.[1];

function serve() {
  let now = identity();
  const server = createServer(
    { ...now, requestCert: true, rejectUnauthorized: true },
    (incoming, outgoing) => {
      if (incoming.url !== '/long') return outgoing.end(idOf(incoming.socket.getPeerCertificate()));
      const ticking = setInterval(() => outgoing.write('.'), 500);
      outgoing.on('close', () => clearInterval(ticking));
    },
  );
  server.listen(Number(PORT0), '127.0.0.1');
  setInterval(() => {
    if (realpathSync(link) === now.folder) return;
    now = identity();
    server.setSecureContext(now);
  }, 200);
}

function call() {
  const tally = { handshakes: 0, failures: [], certificates: 0, longPieces: 0, longCut: false, me: '' };
  const seen = new Set();
  const options = () => ({
    ...identity(),
    host: '127.0.0.1',
    port: Number(SERVER_PORT),
    agent: false,
    checkServerIdentity: (_host, certificate) =>
      idOf(certificate) === SERVER_ID ? undefined : new Error(`it is ${idOf(certificate)}`),
  });
  const fail = (error) => tally.failures.push(String(error?.message ?? error));
  const once = () => {
    try {
      const asked = request({ ...options(), path: '/' }, (answer) => {
        seen.add(answer.socket.getPeerCertificate().serialNumber);
        let text = '';
        answer.on('data', (piece) => (text += piece));
        answer.on('end', () => {
          tally.me = text;
          tally.handshakes++;
        });
        answer.on('error', fail);
      });
      asked.on('error', fail);
      asked.end();
    } catch (error) {
      fail(error);
    }
  };
  const long = request({ ...options(), path: '/long' }, (answer) => {
    answer.on('data', () => tally.longPieces++);
    answer.on('close', () => (tally.longCut = true));
  });
  long.on('error', () => (tally.longCut = true));
  long.end();
  setInterval(once, 1000 / Number(RATE));
  setInterval(() => {
    tally.certificates = seen.size;
    writeFileSync(join(sandbox, 'tally.tmp'), JSON.stringify(tally));
    renameSync(join(sandbox, 'tally.tmp'), join(sandbox, 'tally.json'));
  }, 250);
}

if (process.argv[2] === 'serve') serve();
else call();
