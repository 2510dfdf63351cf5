import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { LeaderFinder } from '../../src/core/http/leader-finder.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { masterPlaces, originOfMasterInfo } from '../../src/mesos/index.ts';
import { consulConfigSchema } from '../../src/store/consul/config.ts';
import { openConsulStore } from '../../src/store/index.ts';
import { followConsul } from '../support/consul-detector.ts';
import { ConsulServer, hasConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';

const infoOf = (port: number): string => JSON.stringify({ address: { ip: '127.0.0.1', port } });

describe.skipIf(!hasConsul)('who follows the election of masters in Consul (needs consul)', () => {
  let server: ConsulServer;
  const endings: (() => Promise<void> | void)[] = [];

  beforeAll(async () => {
    server = await ConsulServer.start();
  });
  afterEach(async () => {
    for (const end of endings.splice(0)) await end();
  });
  afterAll(() => server.close());

  /** A master stands for election until the result is called. */
  const stand = async (port: number, prefix: string): Promise<() => Promise<void>> => {
    const stop = new AbortController();
    const store = await openConsulStore({
      config: consulConfigSchema.parse({ address: server.address, prefix, leaseSeconds: 2 }),
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    });
    const heard: string[] = [];
    void (async () => {
      for await (const { leader } of store.elect('master', infoOf(port), stop.signal))
        heard.push(leader ?? '');
    })();
    await eventually('it to stand', () => heard.length > 0);
    const leave = async (): Promise<void> => {
      stop.abort();
      await store.close();
    };
    endings.push(leave);
    return leave;
  };

  it('the edge hears of each leader, of none, and again after a restart of Consul', async () => {
    const { masters: told, problems, stop } = followConsul(`consul://127.0.0.1:${server.port}/edge`);
    endings.push(stop);
    await eventually('to hear that nobody leads', () => told.length > 0);
    const leave = await stand(5051, 'edge');
    await eventually('to hear of the first', () => told.at(-1)?.leader === '127.0.0.1:5051');
    expect(problems.at(-1)).toBeUndefined();
    await stand(5052, 'edge');
    await leave();
    await eventually('to hear of the second', () => told.at(-1)?.leader === '127.0.0.1:5052');
    await server.kill9();
    await eventually('to hear of the problem', () => problems.at(-1)?.startsWith('Consul at '));
    expect(told.at(-1)?.leader).toBe('127.0.0.1:5052');
    // the leader of before may have kept its lock: to hear that all is well does not need another one
    await server.launch();
    await eventually('to hear that all is well', () => problems.at(-1) === undefined, { timeoutMs: 30_000 });
  });

  it('agents and schedulers are woken by a new leader', async () => {
    const places = masterPlaces(`consul://127.0.0.1:${server.port}/agents`);
    if (typeof places === 'string') return expect.unreachable(places);
    const named: string[] = [];
    const finder = new LeaderFinder({
      places,
      clock: systemClock,
      random: systemRandom,
      originOf: originOfMasterInfo,
      onLeader: (origin) => void named.push(origin),
      onProblem: () => {},
    });
    finder.start();
    endings.push(() => finder.stop());
    expect(finder.next()).toBeUndefined();
    const begun = performance.now();
    const woken = finder.pause(60_000, new AbortController().signal);
    await stand(5054, 'agents');
    await woken;
    expect(performance.now() - begun).toBeLessThan(30_000);
    expect(finder.next()).toBe('http://127.0.0.1:5054');
    expect(named).toEqual(['http://127.0.0.1:5054']);
  });
});
