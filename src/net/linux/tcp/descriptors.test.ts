import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import { Probe } from '../../testing/probe.ts';
import type { Transport } from '../../types.ts';
import { AF_INET, SOCK_CLOEXEC } from '../constants.ts';
import { PinnedMemory, putSockaddr } from '../memory.ts';
import { loadStreamCalls } from './calls.ts';
import type { StreamCalls } from './calls.ts';
import { IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY } from './constants.ts';
import { Loop } from './loop.ts';
import { LinuxReactor } from './reactor.ts';

const { calls } = await loadStreamCalls();

function start(real: StreamCalls): { loop: Loop; reactor: LinuxReactor; until: (f: () => boolean) => void } {
  const loop = new Loop(real, systemClock, silentLogger);
  const until = (f: () => boolean): void => {
    while (!f()) loop.turn(10);
  };
  return { loop, reactor: new LinuxReactor(loop), until };
}

describe.runIf(calls)('descriptors', () => {
  const real = calls as StreamCalls;

  it('a listener whose queue is full lets a connection time out', () => {
    const { loop, reactor, until } = start(real);
    const memory = new PinnedMemory(real, 256);
    const fd = real.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const length = putSockaddr(memory, 0, 4, { ip: '127.0.0.1', port: 0 });
    expect(real.bind(fd, memory.pointer(0), length)).toBe(0);
    expect(real.listen(fd, 0)).toBe(0);
    memory.words[16] = 28;
    real.getsockname(fd, memory.pointer(0), memory.pointer(64));
    const port = (memory.bytes[2] as number) * 256 + (memory.bytes[3] as number);
    // Nobody accepts: the queue takes one or two, the rest gets no answer.
    const probes = Array.from({ length: 6 }, () => new Probe());
    const began = loop.clock.monotonic();
    for (const probe of probes) reactor.connect({ ip: '127.0.0.1', port }, { timeoutMs: 60 }, probe);
    until(() => probes.every((probe) => probe.connected || probe.closes === 1));
    const late = probes.filter((probe) => !probe.connected);
    expect(late.length).toBeGreaterThan(2);
    expect(late.map(({ code }) => code)).toEqual(late.map(() => 'NET_CONNECT_TIMEOUT'));
    expect(loop.clock.monotonic() - began).toBeGreaterThanOrEqual(60);
    real.close(fd);
    loop.end();
  });

  it('small writes leave at once, at both ends (TCP_NODELAY)', async () => {
    const fds: number[] = [];
    const noting: StreamCalls = {
      ...real,
      socket: (...a) => note(real.socket(...a)),
      accept4: (...a) => note(real.accept4(...a)),
    };
    const note = (fd: number): number => (fds.push(fd), fd);
    const { loop, reactor, until } = start(noting);
    let server: Transport | undefined;
    const listener = await reactor.listen({ host: '127.0.0.1', port: 0 }, (transport) => {
      server = transport;
      return new Probe();
    });
    reactor.connect(listener.address, { timeoutMs: 1_000 }, new Probe());
    until(() => server !== undefined);
    const memory = new PinnedMemory(real, 8);
    expect(fds).toHaveLength(3);
    for (const fd of fds) {
      memory.words.set([0, 4]);
      expect(real.getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, memory.pointer(0), memory.pointer(4))).toBe(0);
      expect(memory.words[0]).not.toBe(0);
    }
    loop.end();
  });

  it('out of descriptors, a listener refuses whom it cannot take, and takes others again later', () => {
    // In a process of its own, which has few.
    const code = `
      import { loadStreamCalls } from ${JSON.stringify(new URL('calls.ts', import.meta.url).href)};
      import { Loop } from ${JSON.stringify(new URL('loop.ts', import.meta.url).href)};
      import { LinuxReactor } from ${JSON.stringify(new URL('reactor.ts', import.meta.url).href)};
      const { calls } = await loadStreamCalls();
      const warnings = [];
      const log = { warn: (fields) => warnings.push(fields.error.code), error: (fields) => warnings.push(String(fields.error)) };
      const loop = new Loop(calls, { now: () => Date.now(), monotonic: () => performance.now() }, log);
      const reactor = new LinuxReactor(loop);
      const handler = (f = {}) => ({ onData() {}, onEnd() {}, onDrain() {}, onClose() {}, ...f });
      const accepted = [];
      const listener = await reactor.listen({ host: '127.0.0.1', port: 0 }, (t) => (accepted.push(t), handler({ onEnd: () => t.end() })));
      const clients = [];
      let connected = 0, closed = 0;
      const dial = () => clients.push(reactor.connect(listener.address, { timeoutMs: 60_000 }, handler({ onConnect: () => connected++, onClose: () => closed++ })));
      // Fill up, so that the listener is left with one less than it needs.
      const held = [];
      for (let i = 0; i < 5; i++) dial();
      for (let fd; (fd = calls.eventfd(0, 0)) >= 0;) held.push(fd);
      for (let i = 0; i < 20; i++) loop.turn(10);
      const full = { accepted: accepted.length, closed };
      for (const fd of held) calls.close(fd);
      const before = accepted.length;
      dial();
      while (accepted.length === before) loop.turn(10);
      console.log(JSON.stringify({ full, more: accepted.length - before, warned: warnings }));`;
    const script = `ulimit -n 128 && exec ${process.execPath} --input-type=module -e "$CODE"`;
    const child = spawnSync('sh', ['-c', script], { env: { ...process.env, CODE: code }, encoding: 'utf8' });
    expect(child.stderr).not.toContain('Error');
    const told = JSON.parse(child.stdout) as {
      full: { accepted: number; closed: number };
      more: number;
      warned: string[];
    };
    // Whoever is refused gives back its own descriptor too, which another one gets: so not all five are.
    expect(told.full.accepted + told.full.closed).toBe(5);
    expect(told.full.closed).toBeGreaterThan(2);
    expect([told.more, told.warned]).toEqual([1, ['EMFILE']]);
  });
});
