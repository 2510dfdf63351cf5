import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { ChallengeBoard } from '../control/challenge-board.ts';
import type { ChallengeSpec, PlaneOrder } from '../plane/messages.ts';
import type { Route } from '../router/index.ts';
import { PlaneChallenges } from './plane-challenges.ts';
import { WantedNames } from './wanted.ts';

const challenge: ChallengeSpec = { kind: 'http-01', name: 'a.test', token: 't', authorization: 't.print' };
const PATH = '/.well-known/acme-challenge/t';
const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('the challenges that a plane answers', () => {
  it('are those that are under way, for their host and token, at the listener of port 80', () => {
    const challenges = new PlaneChallenges({ reactor: {}, clock: new FakeClock(), log: silentLogger });
    expect(challenges.http('a.test', PATH, 'http')).toBeUndefined();
    challenges.set([challenge]);
    expect(challenges.http('a.test', PATH, 'http')).toEqual({ reason: 'acme-challenge', body: 't.print' });
    for (const [host, path, listener] of [
      ['b.test', PATH, 'http'],
      ['a.test', `${PATH}t`, 'http'],
      ['a.test', '/.well-known/acme-challenge/', 'http'],
      ['a.test', `/x${PATH}`, 'http'],
      ['a.test', PATH, 'https'],
    ] as const)
      expect(challenges.http(host, path, listener), `${host}${path}`).toBeUndefined();
    challenges.set([]);
    expect(challenges.http('a.test', PATH, 'http')).toBeUndefined();
  });
});

describe('ChallengeBoard', () => {
  function board(): { board: ChallengeBoard; orders: PlaneOrder[]; clock: FakeClock } {
    const orders: PlaneOrder[] = [];
    const clock = new FakeClock();
    return { board: new ChallengeBoard((order) => void orders.push(order), clock), orders, clock };
  }

  it('waits for all planes that run, and for none that is gone', async () => {
    const { board: it, orders, clock } = board();
    for (const plane of [0, 1, 2]) it.joined(plane);
    let shown = false;
    void it.show(challenge).then(() => (shown = true));
    expect(orders).toEqual([{ kind: 'challenges', version: 1, challenges: [challenge] }]);
    it.told(0, 1);
    it.told(1, 1);
    await settle();
    expect(shown).toBe(false);
    it.gone(2);
    await settle();
    expect(shown).toBe(true);
    // One that is back is waited for again.
    it.joined(2);
    const other = { ...challenge, name: 'b.test' };
    const second = it.show(other);
    for (const plane of [0, 1, 2]) it.told(plane, 2);
    await second;
    it.hide(challenge);
    it.hide(challenge);
    expect(orders.slice(2)).toEqual([{ kind: 'challenges', version: 3, challenges: [other] }]);
    expect(clock.pending).toBe(0);
  });

  it('says so when a plane does not take it', async () => {
    const { board: it, clock } = board();
    it.joined(0);
    const shown = it.show(challenge);
    clock.advance(10_000);
    await expect(shown).rejects.toThrow('does not take the challenge');
    it.told(0, 1);
  });
});

describe('WantedNames', () => {
  const route = (id: string, host: string, acme = true): Route =>
    ({
      id,
      host,
      serviceKey: 's',
      source: [`rimrock.http.${id}.tls`],
      tls: acme ? { acme } : {},
    }) as unknown as Route;

  it('follows the rules that ask, up to a limit; who gets nothing is told why', () => {
    const wanted = new WantedNames({ names: ['c.test'], routes: true, mostNames: 2 });
    expect(wanted.follow({ gone: [], come: [route('x', 'x.test', false)] })).toBe(false);
    const come = [
      route('1', 'a.test'),
      route('2', 'a.test'),
      route('3', '*.test'),
      route('4', 'b.test'),
      route('5', 'd.test'),
    ];
    expect(wanted.follow({ gone: [], come })).toBe(true);
    expect([...wanted.names]).toEqual(['c.test', 'a.test', 'b.test']);
    expect(wanted.problems().map(({ label, reason }) => [label, reason.slice(0, 50)])).toEqual([
      ['rimrock.http.3.tls', "there is no public certificate for '*.test': write"],
      ['rimrock.http.5.tls', 'no certificate for d.test is asked for: rules want'],
    ]);
    wanted.follow({ gone: ['1', '3'], come: [] });
    expect([...wanted.names]).toEqual(['c.test', 'a.test', 'b.test']);
    wanted.follow({ gone: ['2'], come: [] });
    expect([...wanted.names]).toEqual(['c.test', 'b.test', 'd.test']);
    expect(wanted.problems()).toEqual([]);
  });

  it('rules get nothing where that is off, and hear of it', () => {
    const wanted = new WantedNames({ names: [], routes: false, mostNames: 2 });
    wanted.follow({ gone: [], come: [route('1', 'a.test')] });
    expect([...wanted.names]).toEqual([]);
    expect(wanted.problems()[0]?.reason).toContain('lb.acme.routes of this load balancer is off');
  });
});
