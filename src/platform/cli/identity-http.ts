import { dirname, join, resolve } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { HttpClient, HttpClientOptions, TlsOptions } from '../../core/http/client.ts';
import type { World } from '../world.ts';

/** For the help of commands. */
export const IDENTITY_HELP = `
Where auth.tls is on: RIMROCK_IDENTITY names the file with your certificate, such as operator.pem in the folder auth of the
master's data; its key is in it or beside it (operator-key.pem), and whom to believe is in bundle.pem beside it.
`;

/** `tls` is for where no identity is named. */
type Connection = Pick<HttpClientOptions, 'connections' | 'connectTimeoutMs' | 'tls'>;

/** A client for commands, which goes to the leader where a master sends it there. */
export async function openHttp(world: World, connection: Connection = {}): Promise<HttpClient> {
  return sentOn(await openDirectly(world, connection));
}

/** The same, for who wants to know of that. With the identity that RIMROCK_IDENTITY names it speaks TLS, whatever the URL says. */
export async function openDirectly(world: World, connection: Connection): Promise<HttpClient> {
  // Here, not above: `rimrock --help` shall not wait for it.
  const { createHttpClient } = await import('../../core/http/client.ts');
  const file = world.environment['RIMROCK_IDENTITY'] ?? '';
  if (file === '') return createHttpClient(connection);
  const client = createHttpClient({
    ...connection,
    tls: await identityIn(world, resolve(world.folder, file)),
  });
  return {
    request: (request) => client.request({ ...request, url: request.url.replace(/^http:/i, 'https:') }),
    close: () => client.close(),
  };
}

/** A master that stands by sends to the one that leads, which is asked then. */
function sentOn(client: HttpClient): HttpClient {
  return {
    async request(request) {
      const response = await client.request(request);
      const { location } = response.headers;
      if (response.status !== 307 || location === undefined) return response;
      response.cancel();
      return client.request({ ...request, url: new URL(location, request.url).href });
    },
    close: () => client.close(),
  };
}

/** Servers are known by the root that they come from; which of ours it is, the address says. */
async function identityIn(world: World, path: string): Promise<TlsOptions> {
  try {
    const cert = await world.readFile(path);
    const beside = path.replace(/(\.pem)?$/, '-key.pem');
    const key = cert.includes('PRIVATE KEY-----') ? cert : await world.readFile(beside);
    const ca = await world.readFile(join(dirname(path), 'bundle.pem'));
    return { cert, key, ca, checkServer: ({ subjectaltname: names = '' }) => notOurs(names) };
  } catch (error) {
    throw new Error(`RIMROCK_IDENTITY: ${errorText(error)}`, { cause: error });
  }
}

/** Tasks have certificates of the same root, and may listen where one of our parts did. */
function notOurs(names: string): Error | undefined {
  const path = /(?:^|, )URI:spiffe:\/\/[^/]+(\/[^,]*)/.exec(names)?.[1] ?? '';
  if (/^\/(master$|(agent|edge|framework)\/[^/]+$)/.test(path)) return undefined;
  return new Error(`whoever answers is no part of Rimrock: ${names}`);
}
