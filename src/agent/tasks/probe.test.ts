import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../core/http/client.ts';
import type { CheckStatusInfo } from '../../mesos/index.ts';
import { createProbe, isHealthy, lookOf } from './probe.ts';
import type { Look, ProbeContext } from './probe.ts';

const http = createHttpClient();
const probe = createProbe(http);
let server: Server;
let port: number;

const answer: RequestListener = (request, response) => {
  const { url = '' } = request;
  const to = (status: number, location: string): void => void response.writeHead(status, { location }).end();
  if (url === '/well') response.writeHead(204).end();
  else if (url === '/moved') to(301, '/well');
  else if (url === '/absolute') to(302, `http://127.0.0.1:${port}/moved`);
  else if (url === '/elsewhere') to(302, 'http://other.example.test/');
  else if (url === '/round') to(302, '/round');
  else if (url === '/odd') to(302, 'file:///etc/passwd');
  else if (url !== '/silent') response.writeHead(503).end();
};
beforeAll(async () => {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await http.close();
});

const context: ProbeContext = {
  environment: { A: '1', B: '2' },
  sandbox: '/sandbox',
  host: '127.0.0.1',
  exec: async ({ environment }) => Number(environment['CODE'] ?? environment['A']),
};
const look = (what: Look, ms = 60_000): Promise<CheckStatusInfo> =>
  probe(what, context, AbortSignal.timeout(ms));
const page = (path: string): Promise<CheckStatusInfo> => look({ http: { port, path } });

describe('a probe', () => {
  it('follows redirects to the same host only, and not for ever', async () => {
    expect(await page('/well')).toEqual({ http: { status_code: 204 } });
    expect(await page('/moved')).toEqual({ http: { status_code: 204 } });
    expect(await page('absolute')).toEqual({ http: { status_code: 204 } });
    expect(await page('/elsewhere')).toEqual({ http: { status_code: 302 } });
    expect(await page('/odd')).toEqual({ http: { status_code: 302 } });
    expect(await page('/round')).toEqual({});
    expect(await page('/nothing')).toEqual({ http: { status_code: 503 } });
  });

  it('has no answer where there is none in time', async () => {
    expect(await look({ http: { port, path: '/silent' } }, 50)).toEqual({});
    expect(await probe({ tcp: { port } }, context, AbortSignal.abort())).toEqual({});
  });

  it('says whether somebody listens', async () => {
    expect(await look({ tcp: { port } })).toEqual({ tcp: { succeeded: true } });
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const free = (gone.address() as AddressInfo).port;
    gone.close();
    await once(gone, 'close');
    expect(await look({ tcp: { port: free } })).toEqual({ tcp: { succeeded: false } });
    expect(await look({ http: { port: free } })).toEqual({});
  });

  it('runs commands beside the task, with the environment of the task and their own', async () => {
    const environment = { variables: [{ name: 'CODE', value: '9' }] };
    expect(await look({ command: { value: 'x' } })).toEqual({ command: { exit_code: 1 } });
    expect(await look({ command: { value: 'x', environment } })).toEqual({ command: { exit_code: 9 } });
  });

  it('is well in the sense of a health check', () => {
    const http200 = { http: { port: 1 } };
    expect([199, 200, 399, 400].map((status_code) => isHealthy(http200, { http: { status_code } }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(isHealthy(http200, {})).toBe(false);
    expect(isHealthy({ tcp: { port: 1 } }, {})).toBe(false);
    expect(isHealthy({ command: {} }, { command: { exit_code: 0 } })).toBe(true);
    expect(isHealthy({}, {})).toBe(true);
  });

  it('knows the commands of checks, one level deeper than those of health checks', () => {
    const command = { value: 'x' };
    expect(lookOf({ command })).toEqual({ command });
    expect(lookOf({ command: { command } })).toEqual({ command });
    expect(lookOf({ type: 'UNKNOWN' })).toEqual({});
  });

  it('looks at the part of its type, whatever else there is', () => {
    const [http, tcp, command] = [{ port: 1 }, { port: 2 }, { value: 'x' }];
    expect(lookOf({ type: 'COMMAND', http, tcp, command })).toEqual({ command });
    expect(lookOf({ type: 'TCP', http, tcp })).toEqual({ tcp });
    expect(lookOf({ type: 'HTTP', http, tcp })).toEqual({ http });
  });
});
