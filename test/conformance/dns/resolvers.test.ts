import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { STANDARD, addedEvent, manyServices, updatedEvent } from './support/cluster.ts';
import type { TaskSpec } from './support/cluster.ts';
import { ENGINE, sized, startFixture } from './support/edge.ts';
import type { Fixture } from './support/edge.ts';
import { report } from './support/report.ts';
import { RESOLVERS, startResolver } from './support/resolvers.ts';
import type { Resolver } from './support/resolvers.ts';
import { ask, dnsperf, missing } from './support/tools.ts';

// D8: the caching resolvers that people have in front of a cluster. Unbound writes its questions in random capitals and asks names label
// by label.

const NAMES = sized(400, 10_000);
const MINIMUM_S = 2;

describe.each(RESOLVERS)('D8: %s in front', (kind) => {
  const lacking = missing(kind, 'kdig', 'dnsperf');
  const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

  describe.skipIf(lacking.length > 0)(`of an edge with a TTL of ${MINIMUM_S} s${needs}`, () => {
    let fixture: Fixture;
    let resolver: Resolver;
    let failures = 0;

    beforeAll(async () => {
      const services = [...STANDARD, ...manyServices(NAMES)];
      fixture = await startFixture({
        engine: ENGINE,
        services,
        dns: { ttlSeconds: MINIMUM_S, negativeTtlSeconds: MINIMUM_S },
      });
      resolver = await startResolver(kind, { servers: [fixture.edge.port] });
    });
    afterAll(async () => {
      await resolver.close();
      await fixture.close();
    });
    beforeEach(() => {
      failures = 0;
    });
    afterEach(() => {
      expect(failures, 'SERVFAIL').toBe(0);
    });

    const through = async (name: string, type: string, ...options: string[]): ReturnType<typeof ask> => {
      const said = await ask('kdig', resolver.port, name, type, ...options);
      if (said.status === 'SERVFAIL') failures++;
      return said;
    };

    it.each([
      ['addresses', 'web.marathon.mesos', 'A', 'NOERROR', 3],
      ['IPv6 addresses', 'dual.marathon.mesos', 'AAAA', 'NOERROR', 2],
      ['services', '_api._tcp.marathon.mesos', 'SRV', 'NOERROR', 2],
      ['a named port', '_http._api._tcp.marathon.mesos', 'SRV', 'NOERROR', 2],
      ['capitals', 'WeB.MaRaThOn.MESOS', 'A', 'NOERROR', 3],
      ['the SOA record', 'mesos', 'SOA', 'NOERROR', 1],
      ['the NS record', 'mesos', 'NS', 'NOERROR', 1],
      ['NODATA', 'web.marathon.mesos', 'AAAA', 'NOERROR', 0],
      ['an empty non-terminal, then what is below it', '_tcp.marathon.mesos', 'TXT', 'NOERROR', 0],
      ['no such name', 'nobody.marathon.mesos', 'A', 'NXDOMAIN', 0],
      ['addresses of both kinds', 'dual.marathon.mesos', 'A', 'NOERROR', 2],
      ['an answer that needs TCP', 'size-1000.marathon.mesos', 'A', 'NOERROR', 1000],
    ] as const)('%s', async (_what, name, type, status, answers) => {
      // Twice: as it came from us, and out of the cache.
      for (let i = 0; i < 2; i++) {
        const said = await through(name, type);
        expect(
          { status: said.status, answers: said.answers },
          said.text + resolver.daemon.output.slice(-2_000),
        ).toEqual({ status, answers });
      }
      if (answers === 0) expect((await through(name, type)).text).toMatch(/mesos\.\s+\d+\s+IN\s+SOA/);
    });

    // Mesos-DNS ignores `.*` in questions, and answers under the name that is left, which most resolvers do not take.
    it('a name with `.*` in it', async () => {
      const said = await ask('kdig', resolver.port, 'web.*.marathon.mesos', 'A');
      expect({ status: said.status, answers: said.answers }).toEqual({ status: 'NOERROR', answers: 3 });
    });

    it('services that no message can hold: a part of them', async () => {
      const said = await through('_size-2000._tcp.marathon.mesos', 'SRV', '+tcp');
      expect(said.status, said.text.slice(0, 500)).toBe('NOERROR');
      expect(said.answers).toBeGreaterThan(500);
    });

    it('"no such name" is forgotten when the SOA minimum is over', async () => {
      const task: TaskSpec = { name: `newcomer-${kind.replace('_', '-')}`, endpoints: 1, index: 0 };
      const name = `${task.name}.marathon.mesos`;
      expect((await through(name, 'A')).status).toBe('NXDOMAIN');
      const asked = performance.now();
      fixture.master.send(addedEvent(task), updatedEvent(task, 'TASK_RUNNING'));
      await eventually(
        'the edge to know it',
        async () => (await ask('kdig', fixture.edge.port, name, 'A')).answers === 1,
      );
      await eventually(`${kind} to ask again`, async () => (await through(name, 'A')).answers === 1, {
        timeoutMs: MINIMUM_S * 1000 + 5_000,
      });
      const ms = performance.now() - asked;
      report(
        'D8',
        `${kind}: a negative answer was gone after ${(ms / 1000).toFixed(1)} s, SOA minimum ${MINIMUM_S} s`,
      );
      expect(ms).toBeLessThan(MINIMUM_S * 1000 + 1_500);
    });

    it(`${NAMES} names, each asked for A, AAAA, SRV and once more under a name that does not exist`, async () => {
      const questions = Array.from({ length: NAMES }, (_, i) => [
        `app-${i}.marathon.mesos A`,
        `app-${i}.marathon.mesos AAAA`,
        `_app-${i}._tcp.marathon.mesos SRV`,
        `gone-${i}.marathon.mesos A`,
      ]).flat();
      const perf = await dnsperf(resolver.port, questions, '-n', '1', '-q', '30', '-t', '5');
      const codes = Object.fromEntries(perf.codes);
      report(
        'D8',
        `${kind}: ${perf.sent} questions, ${JSON.stringify(codes)}, lost ${perf.lost}, average ${perf.averageMs.toFixed(2)} ms`,
      );
      expect({ codes, lost: perf.lost }).toEqual({ codes: { NOERROR: 3 * NAMES, NXDOMAIN: NAMES }, lost: 0 });
    });
  });
});
