import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../core/log.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import { FakeMachine } from '../../testing/fake-machine.ts';
import { Successors } from './successor.ts';

const tcp = { descriptor: 20, protocol: 'tcp', ip: '127.0.0.1', port: 8000 } as const;
const dns = { descriptor: 21, protocol: 'udp', ip: '127.0.0.1', port: 53 } as const;
const vip = { descriptor: 23, protocol: 'udp', ip: '127.77.1.1', port: 7080 } as const;
const question = { descriptor: 22, protocol: 'udp', ip: '0.0.0.0', port: 40_000 } as const;

function make(environment: Readonly<Record<string, string>> = {}) {
  const [machine, clock] = [new FakeMachine(), new FakeClock()];
  machine.sockets = [tcp, dns, question, vip];
  const taken: (number | undefined)[] = [];
  const successors = new Successors({
    machine,
    environment,
    parts: [
      { name: 'dns', component: { stateForSuccessor: () => ({ a: 1 }) }, ports: () => ({ 'dns.port': 53 }) },
      {
        name: 'lb',
        component: { udpPortsForSuccessor: () => [7080] },
        ports: () => ({ 'lb.http.port': 8000 }),
      },
    ],
    readyMs: 1_000,
    clock,
    log: silentLogger,
    onTakenOver: (pid) => taken.push(pid),
  });
  const begin = async () => {
    await successors.request();
    const started = machine.started.at(-1);
    if (!started) throw new Error('nothing was started');
    return started;
  };
  return { machine, clock, taken, successors, begin };
}

describe('handing over to a new process', () => {
  it('gives it the sockets of ours and what the parts leave to it', async () => {
    const { begin } = make({ PATH: '/bin', LISTEN_FDS: '3', LISTEN_PID: '100' });
    const { descriptors, environment, link } = await begin();
    expect(descriptors).toEqual([20, 21, 23]);
    expect(environment).toEqual({ PATH: '/bin', RIMROCK_INHERITED_SOCKETS: '3' });
    expect(link.sent.map((line) => JSON.parse(line) as unknown)).toEqual([{ dns: { a: 1 } }]);
  });

  it('ends this one when the new one says that it is ready, once', async () => {
    const { begin, taken, clock, successors, machine } = make();
    const started = await begin();
    expect(taken).toEqual([]);
    started.link.hear('something else');
    started.link.hear('ready');
    started.link.hear('ready');
    expect(taken).toEqual([101]);
    clock.advance(100_000);
    successors.cancel();
    await successors.request();
    started.end('it ended with status 0');
    expect([started.signals, machine.started.length]).toEqual([[], 1]);
  });

  it('goes on where the new one ends before that, and can be asked again', async () => {
    const { begin, taken, clock, machine } = make();
    const first = await begin();
    first.end('it ended with status 1');
    first.link.hear('ready');
    const second = await begin();
    clock.advance(999);
    expect([first.signals, second.signals, clock.pending]).toEqual([[], [], 1]);
    second.link.hear('ready');
    expect([taken, machine.started.length]).toEqual([[102], 2]);
  });

  it('ends one that takes too long, with force if need be, and does not believe it any more', async () => {
    const { begin, taken, clock, successors, machine } = make();
    const started = await begin();
    clock.advance(1_000);
    expect(started.signals).toEqual(['SIGTERM']);
    started.link.hear('ready');
    await successors.request();
    expect([taken, machine.started.length]).toEqual([[], 1]);
    clock.advance(15_000);
    expect(started.signals).toEqual(['SIGTERM', 'SIGKILL']);
    started.end('it ended by SIGKILL');
    (await begin()).link.hear('ready');
    expect(taken).toEqual([102]);
    expect(clock.pending).toBe(0);
  });

  it('starts one at a time, and none where this process is the first of a container', async () => {
    const { machine, successors } = make();
    await Promise.all([successors.request(), successors.request()]);
    expect(machine.started).toHaveLength(1);
    const first = make();
    first.machine.pid = 1;
    await first.successors.request();
    expect(first.machine.started).toHaveLength(0);
  });

  it('goes on where no process can be started', async () => {
    const { machine, successors, begin } = make();
    machine.refuses = new Error('spawn EBADF');
    await successors.request();
    machine.refuses = undefined;
    await begin();
    expect(machine.started).toHaveLength(1);
  });

  it('ends the new one when this one is told to end before it is ready', async () => {
    const { begin, successors } = make();
    successors.cancel();
    const started = await begin();
    successors.cancel();
    expect(started.signals).toEqual(['SIGTERM']);
  });
});
