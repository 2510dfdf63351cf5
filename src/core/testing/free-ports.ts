import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { systemRandom } from '../random.ts';

// Two test files that run side by side choose from different halves: a port is free for a moment between the choice and its use.
export const LANES = 2;
export const lane = Number(process.env['VITEST_POOL_ID'] ?? 0) % LANES;

/** Given to this file before: whoever has one may not have opened it yet, or may have closed it to open it again. */
const given = new Set<number>();
/** Of the 5,000 of a half. */
const MOST_GIVEN = 2_500;

/**
 * `n` different ports of 127.0.0.1 that are free for TCP and UDP just now: below those that the system gives to outgoing
 * connections, so that none of these takes one before the test does, and outside the ports of tasks.
 */
export async function freePorts(n: number): Promise<number[]> {
  const holds: (() => Promise<void>)[] = [];
  const ports: number[] = [];
  if (given.size + n > MOST_GIVEN) given.clear();
  try {
    for (let tries = 0; ports.length < n && tries < 200 + n; tries++) {
      const port = 10_000 + LANES * systemRandom.int(10_000 / LANES) + lane;
      if (given.has(port)) continue;
      const tcp = await holdTcp(port);
      if (!tcp) continue;
      holds.push(tcp);
      const udp = await holdUdp(port);
      if (!udp) continue;
      holds.push(udp);
      ports.push(port);
      given.add(port);
    }
  } finally {
    await Promise.all(holds.map((release) => release()));
  }
  if (ports.length < n) throw new Error(`found only ${ports.length} of ${n} free ports`);
  return ports;
}

function holdTcp(port: number): Promise<(() => Promise<void>) | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () =>
      resolve(() => new Promise((closed) => void server.close(() => closed()))),
    );
  });
}

function holdUdp(port: number): Promise<(() => Promise<void>) | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(undefined));
    socket.bind(port, '127.0.0.1', () => resolve(() => new Promise((closed) => void socket.close(closed))));
  });
}
