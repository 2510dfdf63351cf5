import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Service } from '../cluster/index.ts';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';

const SERVICES = 10_000;
/** Every so many of them is asked for. */
const SAMPLE = 97;
/** Of CPU, so that a full machine does not decide: what a connection may have to wait for us. */
const LONGEST_BLOCK_MS = 150;

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const f of cleanup.splice(0).reverse()) await f();
});

/** An origin that says at which of our addresses it was reached. */
async function origin(): Promise<number> {
  const server = createServer((asked, answer) => answer.end(asked.socket.localAddress));
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  cleanup.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** In Linux all of 127.0.0.0/8 is this machine. */
const addressOf = (i: number, turn: number): string => `127.${turn}.${i >> 8}.${i & 255}`;
const hostOf = (i: number): string => `service-${i}.test`;

/** Two instances at one address, each with a task of its own. */
function many(port: number, turn: number): Service[] {
  return Array.from({ length: SERVICES }, (_, i) =>
    service({
      name: `service-${i}`,
      labels: new Map([
        ['HAPROXY_GROUP', 'external'],
        ['HAPROXY_0_VHOST', hostOf(i)],
      ]),
      instances: [1, 2].map((n) =>
        instance(port, { taskKey: `f ${turn}.${i}.${n}`, addresses: [{ ip: addressOf(i, turn), port }] }),
      ),
    }),
  );
}

function get(port: number, host: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const asking = request({ port, host: '127.0.0.1', headers: { host } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    asking.on('error', reject).end();
  });
}

/** The most CPU time that this thread takes between two turns of its loop while `work` goes on, ms. */
async function longestBlock(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  const state = { over: false };
  let before = process.threadCpuUsage();
  const done = work().finally(() => (state.over = true));
  while (!state.over) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    const { user, system } = process.threadCpuUsage(before);
    before = process.threadCpuUsage();
    longest = Math.max(longest, (user + system) / 1000);
  }
  await done;
  return longest;
}

describe.runIf(process.platform === 'linux')(`${SERVICES} services at once`, () => {
  it('are taken in without keeping anybody waiting, and each is found where it is', async () => {
    const port = await origin();
    const harness = await startHarness();
    cleanup.push(() => harness.close());
    // They come, and then all of them move.
    for (const turn of [1, 2]) {
      const last = SERVICES - 1;
      const services = many(port, turn);
      const longest = await longestBlock(async () => {
        harness.catalog.set(...services);
        while ((await get(harness.port, hostOf(last))).text !== addressOf(last, turn));
      });
      console.log(`turn ${turn}: longest block ${longest.toFixed(1)} ms of CPU`);
      expect(longest).toBeLessThan(LONGEST_BLOCK_MS);
      for (let i = 0; i < SERVICES; i += SAMPLE)
        expect(await get(harness.port, hostOf(i))).toEqual({ status: 200, text: addressOf(i, turn) });
    }
    expect((await get(harness.port, 'service-10000.test')).status).toBe(404);
  }, 120_000);
});
