import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpClient, HttpRequest, HttpResponse } from '../../core/http/client.ts';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { MarathonFollower } from './follower.ts';
import type { MarathonNews } from './known.ts';

interface App {
  readonly port: number;
  readonly alive: Readonly<Record<string, boolean>>;
}

/** A Marathon in memory, whose network the test breaks. */
class FakeMarathon implements HttpClient {
  readonly apps = new Map<string, App>();
  readonly asked: string[] = [];
  frameworkId = 'F1';
  /** Origins that do not answer. */
  readonly down = new Set<string>();
  /** Where the event stream is redirected to. */
  leader: string | undefined;
  readonly authorized = new Map<string, boolean>();
  readonly #streams = new Set<(piece: string | undefined) => void>();

  get streams(): number {
    return this.#streams.size;
  }

  async request({ url, headers, signal }: HttpRequest): Promise<HttpResponse> {
    const { origin, pathname } = new URL(url);
    this.asked.push(`${origin}${pathname}`);
    this.authorized.set(origin, headers?.['authorization'] !== undefined);
    await Promise.resolve();
    if (signal?.aborted === true) throw abort();
    if (this.down.has(origin)) throw new Error('ECONNREFUSED');
    if (pathname === '/v2/info')
      return answer({
        frameworkId: this.frameworkId,
        name: 'marathon',
        marathon_config: { framework_name: 'm' },
      });
    if (pathname === '/v2/events') {
      if (this.leader !== undefined && origin !== this.leader)
        return { ...answer({}), status: 302, headers: { location: `${this.leader}/v2/events` } };
      return { ...answer({}), body: this.#stream(signal) };
    }
    if (pathname === '/v2/apps') return answer({ apps: [...this.apps.keys()].map((id) => this.#app(id)) });
    const id = pathname.slice('/v2/apps'.length);
    return this.apps.has(id) ? answer({ app: this.#app(id) }) : { ...answer({}), status: 404 };
  }

  #app(id: string): unknown {
    const { port, alive } = this.apps.get(id) ?? { port: 0, alive: {} };
    return {
      id,
      portDefinitions: [{ port }],
      healthChecks: [{ protocol: 'TCP' }],
      tasks: Object.entries(alive).map(([task, ok]) => ({ id: task, healthCheckResults: [{ alive: ok }] })),
    };
  }

  async *#stream(signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const pieces: (string | undefined)[] = [];
    let wake = (): void => {};
    const push = (piece: string | undefined): void => {
      pieces.push(piece);
      wake();
    };
    this.#streams.add(push);
    signal?.addEventListener('abort', () => wake());
    try {
      for (;;) {
        if (signal?.aborted === true) throw abort();
        if (pieces.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const piece = pieces.shift();
        signal?.throwIfAborted();
        if (piece === undefined) return;
        yield Buffer.from(piece);
      }
    } finally {
      this.#streams.delete(push);
    }
  }

  say(event: unknown): void {
    for (const push of this.#streams) push(`data: ${JSON.stringify(event)}\r\n\r\n`);
  }

  beat(): void {
    for (const push of this.#streams) push('\r\n');
  }

  /** All streams end. */
  hangUp(): void {
    for (const push of this.#streams) push(undefined);
  }

  async close(): Promise<void> {}
}

const abort = (): Error => Object.assign(new Error('aborted'), { name: 'AbortError' });

function answer(json: unknown): HttpResponse {
  const bytes = Buffer.from(JSON.stringify(json));
  return {
    status: 200,
    headers: {},
    body: (async function* () {
      yield bytes;
    })(),
    text: async () => bytes.toString(),
    cancel: () => {},
  };
}

/** What somebody knows who takes the news in. */
class Follower {
  readonly ports = new Map<string, number | undefined>();
  readonly alive = new Map<string, boolean>();

  take({ frameworkId, services, alive }: MarathonNews): void {
    for (const [name, declaration] of services) {
      if (declaration === undefined) this.ports.delete(`${frameworkId} ${name}`);
      else this.ports.set(`${frameworkId} ${name}`, declaration.ports[0]?.servicePort);
    }
    for (const [task, ok] of alive) {
      if (ok === undefined) this.alive.delete(task);
      else this.alive.set(task, ok);
    }
  }
}

const URLS = ['http://a:8080', 'http://b:8080'];

function follow() {
  const marathon = new FakeMarathon();
  const clock = new FakeClock();
  const seen = new Follower();
  const news: MarathonNews[] = [];
  const follower = new MarathonFollower({
    urls: URLS,
    refreshMs: 300_000,
    silenceMs: 45_000,
    clock,
    random: seededRandom(1),
    http: marathon,
    log: silentLogger,
    credentials: async () => ({ authorization: 'token' }),
    emit: (one) => {
      news.push(one);
      seen.take(one);
    },
  });
  /** Let `ms` pass, with heartbeats unless told. */
  const pass = async (ms: number, beats = true): Promise<void> => {
    for (let left = ms; left > 0; left -= 250) {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      if (beats && left % 5_000 < 250) marathon.beat();
      clock.advance(Math.min(250, left));
    }
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { marathon, clock, seen, news, follower, pass };
}

/** What there is to be known. */
function truth(marathon: FakeMarathon): { ports: Map<string, number>; alive: Map<string, boolean> } {
  const ports = new Map<string, number>();
  const alive = new Map<string, boolean>();
  for (const [id, app] of marathon.apps) {
    ports.set(`${marathon.frameworkId} ${id.slice(1)}`, app.port);
    for (const [task, ok] of Object.entries(app.alive)) alive.set(task, ok);
  }
  return { ports, alive };
}

describe('following a Marathon', () => {
  it('knows all apps at once, then looks where events say, and only there', async () => {
    const { marathon, seen, news, follower, pass } = follow();
    marathon.apps.set('/a', { port: 10_001, alive: { a1: true } });
    marathon.apps.set('/b', { port: 10_002, alive: {} });
    follower.start();
    await pass(1_000);
    expect({ ports: seen.ports, alive: seen.alive }).toEqual(truth(marathon));
    expect(follower.view).toMatchObject({ frameworkName: 'm', apps: 2, problem: undefined });
    marathon.asked.length = 0;
    news.length = 0;
    marathon.apps.set('/a', { port: 10_001, alive: { a1: false } });
    for (let i = 0; i < 5; i++)
      marathon.say({ eventType: 'health_status_changed_event', appId: '/a', alive: false });
    await pass(1_000);
    expect(seen.alive).toEqual(new Map([['a1', false]]));
    expect(marathon.asked.every((url) => url.endsWith('/v2/apps/a'))).toBe(true);
    expect(marathon.asked.length).toBeLessThanOrEqual(2);
    expect(news).toHaveLength(1);
    marathon.apps.delete('/b');
    marathon.say({ eventType: 'app_terminated_event', appId: '/b' });
    await pass(1_000);
    expect([...seen.ports.keys()]).toEqual(['F1 a']);
    await follower.stop();
    expect(marathon.streams).toBe(0);
  });

  it('keeps what it knows while nobody answers, for as long as that lasts, and goes to the next address', async () => {
    const { marathon, seen, follower, pass } = follow();
    marathon.apps.set('/a', { port: 10_001, alive: { a1: false } });
    follower.start();
    await pass(1_000);
    for (const url of URLS) marathon.down.add(url);
    marathon.hangUp();
    await pass(600_000);
    expect({ ports: seen.ports, alive: seen.alive }).toEqual(truth(marathon));
    expect(follower.view.problem).toMatch(/ECONNREFUSED/);
    marathon.apps.set('/a', { port: 10_001, alive: { a1: true } });
    marathon.down.delete('http://b:8080');
    await pass(70_000);
    expect({ ports: seen.ports, alive: seen.alive }).toEqual(truth(marathon));
    expect(follower.view.problem).toBe(undefined);
    await follower.stop();
  });

  it('gives a stream up that is silent, but not one that beats', async () => {
    const { marathon, follower, pass } = follow();
    follower.start();
    await pass(200_000);
    expect(marathon.asked.filter((url) => url.endsWith('/v2/events'))).toHaveLength(1);
    await pass(60_000, false);
    expect(marathon.asked.filter((url) => url.endsWith('/v2/events')).length).toBeGreaterThan(1);
    await follower.stop();
  });

  it('follows a redirect to the leader, who does not see the credentials unless we were told of it', async () => {
    const { marathon, seen, follower, pass } = follow();
    marathon.apps.set('/a', { port: 10_001, alive: {} });
    marathon.leader = 'http://c:8080';
    follower.start();
    await pass(1_000);
    expect(seen.ports.size).toBe(1);
    expect([...marathon.authorized]).toEqual([
      ['http://a:8080', true],
      ['http://c:8080', false],
    ]);
    await follower.stop();
  });

  it('lets go of a framework that another one has taken the place of', async () => {
    const { marathon, seen, follower, pass } = follow();
    marathon.apps.set('/a', { port: 10_001, alive: { a1: true } });
    follower.start();
    await pass(1_000);
    marathon.frameworkId = 'F2';
    marathon.hangUp();
    await pass(70_000);
    expect([...seen.ports.keys()]).toEqual(['F2 a']);
    await follower.stop();
  });

  it('knows the truth in the end, whatever is lost, comes twice or in another order, and whoever restarts', async () => {
    const app = fc.record({
      port: fc.integer({ min: 1, max: 3 }),
      alive: fc.dictionary(fc.constantFrom('t1', 't2'), fc.boolean()),
    });
    const step = fc.record({
      id: fc.constantFrom('/a', '/b', '/c'),
      app: fc.option(app, { nil: undefined }),
      told: fc.constantFrom('never', 'once', 'twice', 'of another', 'nonsense'),
      after: fc.constantFrom('nothing', 'nothing', 'hang up', 'down', 'up', 'wait'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { marathon, seen, follower, pass } = follow();
        follower.start();
        for (const { id, app: value, told, after } of steps) {
          if (value === undefined) marathon.apps.delete(id);
          else
            marathon.apps.set(id, {
              port: value.port,
              alive: Object.fromEntries(Object.entries(value.alive).map(([t, ok]) => [`${id}${t}`, ok])),
            });
          const event = {
            eventType: 'health_status_changed_event',
            appId: told === 'of another' ? '/z' : id,
          };
          if (told !== 'never') marathon.say(told === 'nonsense' ? 'x' : event);
          if (told === 'twice') marathon.say(event);
          if (after === 'hang up') marathon.hangUp();
          if (after === 'down') marathon.down.add('http://a:8080');
          if (after === 'up') marathon.down.clear();
          await pass(after === 'wait' ? 5_000 : 250);
        }
        marathon.down.clear();
        await pass(310_000 + 35_000);
        expect({ ports: seen.ports, alive: seen.alive }).toEqual(truth(marathon));
        await follower.stop();
      }),
      { numRuns: 12 },
    );
  });
});
