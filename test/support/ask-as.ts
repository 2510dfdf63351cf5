import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';

export interface AskOptions {
  readonly method?: string;
  readonly body?: unknown;
  /** The field `authorization`. */
  readonly login?: string | undefined;
  readonly timeoutMs?: number;
}

export interface AskAnswer {
  readonly status: number;
  readonly text: string;
  readonly location: string | undefined;
}

/** One request over a connection of its own by mutual TLS: `identity` is a file with certificate and key, `bundle` one with whom to believe. */
export async function askAs(
  { identity, bundle }: { readonly identity: string; readonly bundle: string },
  port: number,
  path: string,
  { method = 'GET', body, login, timeoutMs = 30_000 }: AskOptions = {},
): Promise<AskAnswer> {
  const pem = readFileSync(identity, 'utf8');
  const sent = request({
    host: '127.0.0.1',
    port,
    path,
    method,
    agent: false,
    cert: pem,
    key: pem,
    ca: readFileSync(bundle, 'utf8'),
    checkServerIdentity: () => undefined, // the chain says that it is of ours, and here the port says who
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(login === undefined ? {} : { authorization: login }),
    },
    signal: AbortSignal.timeout(timeoutMs),
  });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const piece of response) text += String(piece);
  return { status: response.statusCode ?? 0, text, location: response.headers.location };
}
