import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { Subscribers } from '../core/subscribers.ts';
import { CompiledPolicy } from '../core/policy/compiled-policy.ts';
import type { Policy, PolicySource, Rule } from '../core/policy/types.ts';
import { CallPolicy } from './plane/call-policy.ts';
import type { Route } from './router/index.ts';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { Harness } from './testing/lb-harness.ts';

/** A policy that the test changes. */
class ChangingPolicy implements PolicySource {
  readonly #listeners = new Subscribers<void>((error) => {
    throw error;
  });
  #compiled = new CompiledPolicy({ version: 1, default: 'allow', rules: [] });

  set(policy: Policy): void {
    this.#compiled = new CompiledPolicy(policy);
    this.#listeners.emit();
  }

  part(action: string): Policy | undefined {
    return this.#compiled.part(action);
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }
}

const rule = (name: string, effect: 'allow' | 'deny', more: Partial<Rule>): Rule => ({
  name,
  effect,
  who: ['anyone'],
  may: ['call'],
  ...more,
});

const PEER = 'spiffe://example.test/marathon/shop';

describe('who may call a service', () => {
  const policy = new ChangingPolicy();
  let h: Harness;
  beforeAll(async () => {
    h = await startHarness({}, {}, { policy });
    for (const name of ['web', 'db']) {
      const { port } = await h.origin((_, response) => response.end(name));
      const labels = new Map([['rimrock.http.x.host', `${name}.test`]]);
      h.catalog.set(service({ name, labels, instances: [instance(port)] }));
    }
  });
  afterAll(() => h.close());

  const ask = async (host: string, path = '/', method = 'GET'): Promise<string> => {
    const text = await h
      .dial()
      .send(`${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      .untilEnd();
    const reason = /x-rimrock-reason: (\S+)/i.exec(text)?.[1];
    return `${text.slice(9, 12)}${reason === undefined ? '' : ` ${reason}`}`;
  };
  const explain = async (host: string, peer?: string): Promise<Record<string, unknown>> => {
    const who = peer === undefined ? '' : `&peer=${encodeURIComponent(peer)}`;
    const reply = await fetch(`${h.admin}/explain?url=http://${host}/${who}`);
    return (await reply.json()) as Record<string, unknown>;
  };

  it('is everybody while no rule says otherwise', async () => {
    policy.set({ version: 2, default: 'allow', rules: [rule('a', 'allow', { who: ['user:a'] })] });
    expect(await ask('web.test')).toBe('200');
  });

  it('is who the rules say, from the next request on', async () => {
    const rules = [
      rule('shop-calls-db', 'allow', { who: [PEER], on: ['marathon/db'] }),
      rule('nobody-else', 'deny', { on: ['marathon/db'] }),
      rule('no-writes', 'deny', { on: ['*/web'], methods: ['POST', 'PUT', 'DELETE'], paths: ['/admin/**'] }),
    ];
    policy.set({ version: 3, default: 'allow', rules });
    expect(await ask('db.test')).toBe('403 policy-denied');
    expect(await ask('web.test', '/admin/x')).toBe('200');
    expect(await ask('web.test', '/admin/x', 'DELETE')).toBe('403 policy-denied');
    expect(await ask('web.test', '/%61dmin/x', 'DELETE')).toBe('403 policy-denied');
    policy.set({
      version: 4,
      default: 'deny',
      rules: [rule('web', 'allow', { on: ['route:*', 'marathon/web'] })],
    });
    expect(await ask('web.test', '/admin/x', 'DELETE')).toBe('200');
    policy.set({ version: 5, default: 'deny', rules: [] });
    expect(await ask('web.test')).toBe('403 policy-denied');
    policy.set({ version: 6, default: 'allow', rules: [] });
    expect(await ask('db.test')).toBe('200');
  });

  it('is explained', async () => {
    const rules = [rule('shop-calls-db', 'allow', { who: [PEER], on: ['marathon/db'] })];
    policy.set({ version: 7, default: 'deny', rules });
    expect(await explain('db.test')).toMatchObject({
      service: 'marathon/db',
      answer: { reason: 'policy-denied', status: 403, detail: "rule 'default' of policy version 7" },
    });
    expect(await explain('db.test', PEER)).toMatchObject({ picked: { phase: 'up' } });
    expect(await explain('db.test', `${PEER}/other`)).toMatchObject({ answer: { reason: 'policy-denied' } });
  });

  it('is told by the route as well, and by the certificate of the client', () => {
    const lines: Record<string, unknown>[] = [];
    const log = pino({ base: null }, { write: (text: string) => void lines.push(JSON.parse(text)) });
    const calls = new CallPolicy({ log, clock: new FakeClock() });
    expect(calls.asks).toBe(false);
    calls.set({
      version: 1,
      default: 'deny',
      rules: [rule('by-route', 'allow', { who: [PEER], on: ['route:web*'] })],
    });
    const target = { serviceKey: 'marathon/web' };
    const route = (id: string): Route => ({ id }) as Route;
    expect(calls.denial(route('web-1'), target, { peer: PEER })).toBeUndefined();
    expect(calls.denial(route('other'), target, { peer: PEER })).toMatchObject({ rule: 'default' });
    expect(calls.denial(route('web-1'), target, { peer: undefined })).toMatchObject({ rule: 'default' });
    for (let i = 0; i < 30; i++)
      calls.denies(route('other'), target, { peer: PEER, path: '/x' }, '192.0.2.1');
    expect(lines).toHaveLength(10);
    expect(lines[0]).toMatchObject({
      level: 30,
      rule: 'default',
      service: 'marathon/web',
      route: 'other',
      peer: PEER,
      client: '192.0.2.1',
      path: '/x',
    });
    calls.set(undefined);
    expect(calls.denial(route('other'), target, { peer: undefined })).toBeUndefined();
  });
});
