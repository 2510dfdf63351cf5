import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { readdirSync, readlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { AsyncQueue } from '../../core/async-queue.ts';
import { createLogger, silentLogger } from '../../core/log.ts';
import { startPlaneThread } from './start.ts';
import type { RunningPlane, StartPlane } from './start.ts';

const ENTRY = new URL('../testing/plane-echo-worker.ts', import.meta.url);
const ENGINES = process.platform === 'linux' ? (['linux', 'portable'] as const) : (['portable'] as const);

const openSockets = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /socket|event/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;

describe.each(ENGINES)('a plane thread on the %s engine', (engine) => {
  const planes: RunningPlane[] = [];
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const plane of planes.splice(0)) await plane.terminate();
  });

  async function start(more: Partial<StartPlane> = {}, setup: object = { port: 0 }) {
    const inbox = new AsyncQueue<unknown>();
    const messages = inbox[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => (await messages.next()).value;
    let exited: (error: Error | undefined) => void = () => {};
    const exit = new Promise<Error | undefined>((resolve) => (exited = resolve));
    const plane = await startPlaneThread({
      engine,
      entry: ENTRY,
      worker: 3,
      name: 'test-plane',
      setup,
      log: silentLogger,
      onMessage: (message) => inbox.push(message),
      onExit: (error) => exited(error),
      ...more,
    });
    planes.push(plane);
    const { listening: port } = (await next()) as { listening: number };
    return { plane, next, exit, port };
  }

  async function dial(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  it('serves, takes messages in order, runs timers and promises, forwards its log, and stops', async () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'info', format: (line) => (lines.push(line), '') });
    const { plane, next, exit, port } = await start({ log });
    expect(plane.engine).toBe(engine);
    const socket = await dial(port);
    socket.write('hello');
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    for (let i = 0; i < 100; i++) plane.post(i);
    for (let i = 0; i < 100; i++) expect(await next()).toEqual({ echo: i });
    plane.post('timer');
    expect(await next()).toBe('time');
    plane.post('promise');
    expect(await next()).toBe('kept');
    plane.post('log');
    plane.post('crash'); // a handler that throws costs nothing but a line in the log
    plane.post('counts');
    expect(await next()).toEqual({ accepted: 1, closed: 0 });
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'a line',
      'message handler failed',
    ]);
    const gone = new Promise((resolve) => socket.once('close', resolve)); // by a reset, maybe
    await plane.stop();
    expect(await exit).toBeUndefined();
    await gone;
    await plane.stop();
  });

  it('hears timers of Node, messages and the wish to stop however much there is to do', async () => {
    const { plane, next, exit } = await start();
    plane.post('busy');
    for (let i = 0; i < 10; i++) {
      plane.post('timer of Node');
      expect(await next()).toBe('time of Node');
    }
    await plane.stop();
    expect(await exit).toBeUndefined();
  });

  it('can stop itself', async () => {
    const { plane, next, exit } = await start();
    plane.post('stop');
    expect(await exit).toBeUndefined();
    expect(await next()).toEqual({ ended: 0 });
  });

  it('a thread that dies is told of, and leaves no socket behind that takes connections', async () => {
    const before = process.platform === 'linux' ? openSockets() : 0;
    const { plane, exit, port } = await start();
    const socket = await dial(port);
    const gone = new Promise((resolve) => socket.once('close', resolve)); // by a reset, maybe
    plane.post('die');
    expect((await exit)?.message).toBe('died as asked');
    await gone;
    const late = connect(port, '127.0.0.1');
    expect((await once(late, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' });
    if (process.platform === 'linux') expect(openSockets()).toBeLessThanOrEqual(before);
  });

  it('ends by force also where it would never end', async () => {
    const { plane, exit } = await start();
    plane.post('spin');
    await plane.terminate();
    expect(await exit).toBeInstanceOf(Error);
  });

  it('two threads share a port', async () => {
    const first = await start({}, { port: 0, reusePort: true });
    const second = await start({}, { port: first.port, reusePort: true });
    const counts = async (p: typeof first): Promise<number> => {
      p.plane.post('counts');
      return ((await p.next()) as { accepted: number }).accepted;
    };
    for (let i = 0; i < 64; i++) {
      const socket = await dial(first.port);
      socket.write('x');
      await once(socket, 'data');
    }
    const [a, b] = [await counts(first), await counts(second)];
    expect(a + b).toBe(64);
    expect(Math.min(a, b)).toBeGreaterThan(5);
  });
});
