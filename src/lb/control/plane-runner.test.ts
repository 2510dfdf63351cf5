import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { ListenerSpec, PlaneOrder, PlaneSetup, PlaneUpdate } from '../plane/messages.ts';
import type { PlaneEvents } from './plane-link.ts';
import { PlaneRunner } from './plane-runner.ts';

const HTTP: ListenerSpec = { name: 'http', host: '127.0.0.1', port: 80, protocol: 'http' };
const update = (version: number): PlaneUpdate => ({
  kind: 'update',
  version,
  ready: true,
  routes: { gone: [], come: [] },
  backends: { gone: [], set: [] },
});

/** A plane that a test plays. */
interface Played extends PlaneEvents {
  readonly orders: PlaneOrder[];
  ended: number;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('keeping a plane running', () => {
  function make(whole: () => readonly PlaneUpdate[] = () => [update(0)]): {
    runner: PlaneRunner;
    clock: FakeClock;
    planes: Played[];
    gone: () => number;
  } {
    const clock = new FakeClock();
    const planes: Played[] = [];
    let gone = 0;
    const runner = new PlaneRunner({
      inherited: () => [],
      plane: 0,
      setup: {} as PlaneSetup,
      start: async (_plane, _setup, events) => {
        const played: Played = { ...events, orders: [], ended: 0 };
        planes.push(played);
        return {
          engine: 'portable',
          reason: 'played',
          send: (order) => played.orders.push(order),
          terminate: async () => {
            played.ended += 1;
            events.onExit(new Error('ended by force'));
          },
        };
      },
      *whole() {
        yield* whole();
      },
      onWord: () => {},
      onLink: () => {},
      onGone: () => (gone += 1),
      clock,
      random: seededRandom(1),
      log: silentLogger,
    });
    return { runner, clock, planes, gone: () => gone };
  }

  const versions = (plane: Played | undefined): number[] =>
    (plane?.orders ?? []).flatMap((order) => (order.kind === 'update' ? [order.version] : []));
  const kinds = (plane: Played | undefined): string[] => (plane?.orders ?? []).map((order) => order.kind);
  const apply = (plane: Played | undefined, version: number): void =>
    plane?.onWord({ kind: 'applied', version, tookMs: 1 });

  it('tells a new plane the whole, then to listen, then what comes, never faster than it takes that in', async () => {
    const { runner, planes } = make(() => [0, 0, 0, 0, 0, 7].map(update));
    runner.launch();
    const listening = runner.listen([HTTP]);
    await turn();
    const [plane] = planes;
    runner.send(update(8));
    expect(kinds(plane)).toEqual(['update', 'update', 'update', 'update']);
    for (let i = 0; i < 6; i++) apply(plane, 0);
    expect(versions(plane)).toEqual([0, 0, 0, 0, 0, 7, 8]);
    expect(kinds(plane)[6]).toBe('listen');
    plane?.onWord({ kind: 'listening', name: 'http', ip: '127.0.0.1', port: 80 });
    expect(await listening).toEqual(new Map([['http', { ip: '127.0.0.1', port: 80 }]]));
    expect(runner.listening).toBe(true);
  });

  it('starts a plane that died again, later each time, and tells it everything anew', async () => {
    let version = 1;
    const { runner, planes, clock, gone } = make(() => [update(version)]);
    runner.launch();
    const listening = runner.listen([HTTP]);
    await turn();
    planes[0]?.onWord({ kind: 'listening', name: 'http', ip: '127.0.0.1', port: 80 });
    await listening;
    const answer = runner.ask({ ask: 'numbers' }, 500);
    planes[0]?.onExit(new Error('died'));
    expect(await answer).toBeUndefined();
    expect([runner.running, runner.listening, gone()]).toEqual([false, false, 1]);
    version = 2;
    runner.send(update(2));
    clock.advance(49);
    await turn();
    clock.advance(1);
    await turn();
    expect(kinds(planes[1])).toEqual(['update', 'listen']);
    expect(versions(planes[1])).toEqual([2]);
    planes[1]?.onExit(undefined);
    clock.advance(50);
    await turn();
    expect(planes).toHaveLength(2);
    clock.advance(50);
    await turn();
    expect(planes).toHaveLength(3);
    expect(runner.restarts).toBe(2);
  });

  it('rejects when the first plane cannot listen or dies before; later it tries again', async () => {
    const failed = make();
    failed.runner.launch();
    const listening = failed.runner.listen([HTTP]);
    await turn();
    const word = { kind: 'listen-failed', name: 'http', code: 'EADDRINUSE', reason: 'taken' } as const;
    failed.planes[0]?.onWord(word);
    await expect(listening).rejects.toMatchObject({
      code: 'LB_LISTEN_FAILED',
      cause: { code: 'EADDRINUSE', port: 80 },
    });

    const died = make();
    died.runner.launch();
    const never = died.runner.listen([HTTP]);
    await turn();
    died.planes[0]?.onExit(new Error('died'));
    await expect(never).rejects.toThrow('died');
    died.clock.advance(60_000);
    await turn();
    expect(died.planes).toHaveLength(1);

    const late = make();
    late.runner.launch();
    const once = late.runner.listen([HTTP]);
    await turn();
    const [plane] = late.planes;
    plane?.onWord({ kind: 'listening', name: 'http', ip: '127.0.0.1', port: 80 });
    await once;
    plane?.onWord(word);
    expect(late.runner.listening).toBe(false);
    apply(plane, 0);
    late.clock.advance(50);
    expect(kinds(plane)).toEqual(['update', 'listen', 'listen']);
  });

  it('answers with nothing when the plane takes too long', async () => {
    const { runner, planes, clock } = make();
    runner.launch();
    expect(await runner.ask({ ask: 'numbers' }, 500)).toBeUndefined();
    await turn();
    const answer = runner.ask({ ask: 'numbers' }, 500);
    const late = planes[0]?.orders.at(-1);
    clock.advance(500);
    expect(await answer).toBeUndefined();
    const next = runner.ask({ ask: 'numbers' }, 500);
    const asked = planes[0]?.orders.at(-1);
    if (late?.kind !== 'ask' || asked?.kind !== 'ask') throw new Error('nothing was asked');
    planes[0]?.onWord({ kind: 'answer', id: late.id, value: 'late' });
    planes[0]?.onWord({ kind: 'answer', id: asked.id, value: 'in time' });
    expect(await next).toBe('in time');
  });

  it('drains, and ends by force what does not', async () => {
    const good = make();
    good.runner.launch();
    await turn();
    const stopped = good.runner.stop(1_000, 0);
    expect(good.planes[0]?.orders.at(-1)).toEqual({ kind: 'drain', deadlineMs: 1_000, idleMs: 0 });
    good.planes[0]?.onWord({ kind: 'drained', cut: 3 });
    good.planes[0]?.onExit(undefined);
    expect(await stopped).toBe(3);
    good.clock.advance(60_000);
    expect([good.planes.length, good.planes[0]?.ended]).toEqual([1, 0]);

    const stuck = make();
    stuck.runner.launch();
    await turn();
    const ended = stuck.runner.stop(1_000, 0);
    stuck.clock.advance(1_999);
    expect(stuck.planes[0]?.ended).toBe(0);
    stuck.clock.advance(1);
    expect(await ended).toBe(0);
    expect(stuck.planes[0]?.ended).toBe(1);
  });
});
