import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { Harness } from './testing/lb-harness.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
const MEGABYTE = 1024 * 1024;

/** One connection to an origin whose every byte the test decides. */
interface OriginSocket {
  readonly socket: Socket;
  text: string;
}

describe('origins that a test plays byte by byte', () => {
  const cleanup: (() => Promise<unknown> | void)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  /** A load balancer in front of one origin; `onText` is called with all that came so far. */
  async function start(
    onText: (origin: OriginSocket) => void,
    config: Record<string, unknown> = {},
  ): Promise<Harness> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const origin: OriginSocket = { socket, text: '' };
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (piece: Buffer) => {
        origin.text += piece.toString('latin1');
        onText(origin);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    const timeouts = { drainMs: 200, connectMs: 500, ...(config['timeouts'] as object) };
    const h = await startHarness({ ...config, timeouts });
    cleanup.push(() => h.close());
    const labels = new Map([['HAPROXY_0_VHOST', 'a.test']]);
    const { port } = server.address() as AddressInfo;
    h.catalog.set(service({ name: 'a', labels, instances: [instance(port)] }));
    return h;
  }

  const headCame = (origin: OriginSocket): boolean => origin.text.includes('\r\n\r\n');

  it('cuts off a malformed body that comes while the answer runs, and goes on serving others', async () => {
    const h = await start((origin) => {
      if (!headCame(origin)) return;
      origin.text = '';
      origin.socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n');
    });
    const client = h.dial();
    client.send('POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
    await client.until((text) => text.includes('early'));
    client.send('zz\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n');
    await client.untilEnd();
    const other = h.dial().send(GET);
    await other.until((text) => text.includes('early'));
  });

  it('tells the client that the connection closes when the answer comes before the end of the body', async () => {
    const h = await start((origin) => {
      if (!headCame(origin)) return;
      origin.socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
    });
    const client = h.dial().send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nbegin');
    const text = await client.untilEnd();
    expect(text).toContain('413');
    expect(text).toContain('Connection: close');
  });

  it('delivers the answer of an instance that closes with most of the body unread', async () => {
    const h = await start((origin) => {
      if (!headCame(origin)) return;
      origin.socket.end('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno');
      // Closing with unread bytes at hand is a reset for whoever goes on sending.
      origin.socket.destroySoon();
    });
    const part = 'x'.repeat(MEGABYTE);
    for (let round = 0; round < 20; round++) {
      const client = h.dial();
      client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${8 * MEGABYTE}\r\n\r\n`);
      for (let i = 0; i < 8; i++) client.send(part);
      expect(await client.until((text) => text.includes('\r\n'))).toContain('413');
    }
  });

  it('lets an answer that began before the body was complete take its time', async () => {
    let answer: Socket | undefined;
    const h = await start(
      (origin) => {
        if (answer === undefined && headCame(origin)) {
          answer = origin.socket;
          answer.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
        }
      },
      { timeouts: { bodyMs: 100, bodyBytesPerSecond: 100_000 } },
    );
    const client = h.dial().send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 7\r\n\r\n');
    await client.until((text) => text.includes('one'));
    client.send('the end');
    // Another upload that never ends shows when the clock of bodies has run out.
    const late = h.dial().send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 7\r\n\r\n');
    expect(await late.until((text) => text.includes('\r\n'))).toContain('408');
    answer?.write('3\r\ntwo\r\n0\r\n\r\n');
    expect(await client.until((text) => text.endsWith('0\r\n\r\n'))).toContain('two');
  });

  it('closes an upgraded connection whose instance has gone, also when the client does not', async () => {
    let instanceSide: Socket | undefined;
    const h = await start(
      (origin) => {
        if (!headCame(origin)) return;
        instanceSide = origin.socket;
        instanceSide.write('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
      },
      { timeouts: { halfCloseMs: 100 } },
    );
    const client = h.dial();
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.until((text) => text.includes('101'));
    instanceSide?.destroy();
    await client.untilEnd();
    const gone = (): Promise<number> =>
      h.metrics.text().then((text) => Number(/^rimrock_lb_client_connections (\d+)/m.exec(text)?.[1]));
    await expect.poll(gone, { timeout: 4_000 }).toBe(0);
  });

  it('shows a client whose answer has no declared end that it was cut when the drain is over', async () => {
    const h = await start((origin) => {
      if (headCame(origin)) origin.socket.write('HTTP/1.0 200 OK\r\n\r\nbeginning');
    });
    const client = h.dial().send(GET);
    await client.until((text) => text.includes('beginning'));
    await h.lb.stop();
    await client.until(() => client.error !== undefined || client.ended);
    expect(client.error).toBeDefined();
  });

  it('passes interim answers on without the fields of the connection they came by', async () => {
    const h = await start((origin) => {
      if (headCame(origin))
        origin.socket.write(
          'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nContent-Length: 9\r\n\r\n' +
            'HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n',
        );
    });
    const client = h.dial().send(GET);
    const text = await client.until((t) => /204[^]*\r\n\r\n$/.test(t));
    expect(text).toBe('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n');
  });

  it('refuses trailers that could be taken for protected fields', async () => {
    const h = await start((origin) => {
      if (origin.text.includes('0\r\n')) origin.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const client = h.dial();
    client.send(
      'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX_Forwarded_For: 1.2.3.4\r\n\r\n',
    );
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toContain(
      'x-rimrock-reason: bad-trailers',
    );
  });

  it('blames a slow client, not its instance, for an answer that makes no progress', async () => {
    const h = await start(
      (origin) => {
        if (!headCame(origin)) return;
        origin.text = '';
        origin.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * MEGABYTE}\r\n\r\n`);
        origin.socket.write('x'.repeat(64 * MEGABYTE));
      },
      { timeouts: { streamIdleMs: 300 }, passiveHealth: { consecutiveFailures: 1, maxEjectedRatio: 1 } },
    );
    const client = h.dial().send(GET);
    client.socket.pause();
    await expect
      .poll(() => h.metrics.text(), { timeout: 5_000 })
      .toMatch(/rimrock_lb_truncated_total\{[^}]*\} 1/);
    const explained = await fetch(`${h.admin}/explain?url=http://a.test/`);
    expect(JSON.stringify(await explained.json())).not.toContain('ejected');
  });

  it('says 504 when the instance does not take the body', async () => {
    const h = await start((origin) => void origin.socket.pause(), { timeouts: { streamIdleMs: 300 } });
    const client = h.dial();
    client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${64 * MEGABYTE}\r\n\r\n`);
    client.send('x'.repeat(64 * MEGABYTE));
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toContain('504');
  });
});
