import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../core/log.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import { FakeMachine } from '../../testing/fake-machine.ts';
import { meetPredecessor, ownEnvironment } from './predecessor.ts';

const socket = (descriptor: number, port: number) =>
  ({ descriptor, protocol: 'tcp', ip: '127.0.0.1', port }) as const;

function make(environment: Readonly<Record<string, string>>) {
  const [machine, clock, stop] = [new FakeMachine(), new FakeClock(), new AbortController()];
  machine.sockets = [socket(3, 80), socket(4, 81), socket(9, 82)];
  const meet = () => meetPredecessor({ machine, environment, clock, log: silentLogger, stop: stop.signal });
  return { machine, clock, stop, meet };
}

describe('taking over from another process', () => {
  it('is nothing where nothing was handed over', async () => {
    for (const environment of [
      {},
      { RIMROCK_INHERITED_SOCKETS: 'x' },
      { LISTEN_FDS: '2', LISTEN_PID: '99' },
      { LISTEN_FDS: '', LISTEN_PID: '100' },
    ])
      expect(await make(environment as Record<string, string>).meet()).toBeUndefined();
  });

  it('takes the descriptors that were said, and no others; the link comes after them', async () => {
    const { machine, meet } = make({ RIMROCK_INHERITED_SOCKETS: '2' });
    const met = meet();
    await machine.linked;
    await new Promise(setImmediate);
    machine.link.hear('{"lb":{"keys":[1]}}');
    const predecessor = await met;
    expect(machine.linkedAt).toBe(5);
    expect(predecessor?.stateOf('lb')).toEqual({ keys: [1] });
    expect(predecessor?.stateOf('dns')).toBeUndefined();
    expect(predecessor?.sockets.take('tcp', '127.0.0.1', 80)).toEqual([3]);
    expect(predecessor?.sockets.take('tcp', '127.0.0.1', 82)).toEqual([]);
    expect(predecessor?.replaced.aborted).toBe(false);
    predecessor?.ready();
    expect(machine.link.sent).toEqual(['ready']);
    expect(predecessor?.replaced.aborted).toBe(true);
  });

  it.each(['nonsense', '{"lb":'])('does without a state that it cannot read: %s', async (line) => {
    const { machine, meet } = make({ RIMROCK_INHERITED_SOCKETS: '1' });
    const met = meet();
    await machine.linked;
    await new Promise(setImmediate);
    machine.link.hear(line);
    expect((await met)?.stateOf('lb')).toBeUndefined();
  });

  it('waits until it is ready only as long as the other process serves', async () => {
    const { machine, clock, meet } = make({ RIMROCK_INHERITED_SOCKETS: '1' });
    const meeting = meet();
    await machine.linked;
    await new Promise(setImmediate);
    machine.link.hear('{}');
    const met = await meeting;
    if (!met) throw new Error('nobody was met');
    let ready = false;
    let waited = 0;
    const once = met.until(() => ready).then(() => (waited = 1));
    const limited = met.until(() => ready, 500).then(() => (waited = 2));
    await clock.advanceAsync(490, 10);
    expect(waited).toBe(0);
    await clock.advanceAsync(100, 10);
    await limited;
    expect(waited).toBe(2);
    ready = true;
    await clock.advanceAsync(100, 10);
    await once;
    ready = false;
    const never = met.until(() => ready);
    expect(met.gone.aborted).toBe(false);
    machine.link.close();
    await never;
    expect([met.gone.aborted, met.replaced.aborted]).toEqual([true, true]);
  });

  it('of systemd: there is nobody to wait for and nobody to tell', async () => {
    const { machine, meet } = make({ LISTEN_FDS: '1', LISTEN_PID: '100', LISTEN_FDNAMES: 'http' });
    const met = await meet();
    expect(met?.sockets.take('tcp', '127.0.0.1', 80)).toEqual([3]);
    await met?.until(() => false);
    met?.ready();
    expect([met?.gone.aborted, machine.linkedAt, machine.link.sent]).toEqual([true, undefined, []]);
  });

  it('what was meant for this process goes to no other', () => {
    const all = {
      A: '1',
      RIMROCK_INHERITED_SOCKETS: '2',
      LISTEN_PID: '3',
      LISTEN_FDS: '4',
      LISTEN_FDNAMES: 'x',
    };
    expect(ownEnvironment(all)).toEqual({ A: '1' });
  });
});
