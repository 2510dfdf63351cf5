import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dnspython } from './support/dnspython.ts';
import type { Judged } from './support/dnspython.ts';
import { ENGINES, sized, startFixture } from './support/edge.ts';
import type { Fixture } from './support/edge.ts';
import { QTYPE, UdpClient, opt, query } from './support/raw.ts';
import { report } from './support/report.ts';
import { startResolver } from './support/resolvers.ts';
import type { Resolver } from './support/resolvers.ts';
import { ask, missing } from './support/tools.ts';
import { ZoneView } from './support/zone.ts';

// D6: "there is no such record" is not "there is no such name". A resolver that is told the second forgets the whole name.

const TYPES = { A: 1, NS: 2, SOA: 6, TXT: 16, AAAA: 28, SRV: 33, CAA: 257, HTTPS: 65, DS: 43, MX: 15 };
const NAMES_A_SIZE = sized(60, 5_000);
const lacking = missing('kdig', 'unbound', 'dnspython');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

describe.skipIf(lacking.length > 0).each(ENGINES)(
  `no such record, no such name; engine %s${needs}`,
  (engine) => {
    let fixture: Fixture;
    let judge: Dnspython;
    let client: UdpClient;
    let zone: ZoneView;
    let unbound: Resolver;

    beforeAll(async () => {
      judge = new Dnspython();
      fixture = await startFixture({ engine });
      client = await UdpClient.to(fixture.edge.port);
      zone = await ZoneView.of(fixture.edge);
      unbound = await startResolver('unbound', { servers: [fixture.edge.port] });
    });
    afterAll(async () => {
      client.close();
      await unbound.close();
      await judge.close();
      await fixture.close();
    });

    const about = async (name: string, type: number): Promise<Judged> => {
      const reply = await client.ask(query(name, type, { edns: opt() }));
      expect(reply, `an answer about ${name}`).toBeDefined();
      const said = await judge.parse(reply?.bytes ?? Buffer.alloc(0));
      expect(said.error).toBeUndefined();
      return said;
    };

    const negative = (said: Judged): { soa: string[]; answers: number } => ({
      soa: said.authority.filter((r) => r.type === 'SOA').map((r) => r.name),
      answers: said.answer.length,
    });

    it('every name that exists, each type: answer or NODATA with SOA, never NXDOMAIN', async () => {
      const owners = [...zone.owners].slice(0, NAMES_A_SIZE);
      let nodata = 0;
      for (const [name, types] of owners) {
        for (const [type, number] of Object.entries(TYPES)) {
          const said = await about(name, number);
          expect(said.rcode, `${name} ${type}`).toBe('NOERROR');
          if ([...types].some((t) => t === type)) {
            expect(said.answer.length + Number(said.flags.includes('TC')), `${name} ${type}`).toBeGreaterThan(
              0,
            );
          } else {
            nodata++;
            expect(negative(said), `${name} ${type}`).toEqual({ soa: ['mesos.'], answers: 0 });
          }
        }
      }
      report(
        'D6',
        `${owners.length} names x ${Object.keys(TYPES).length} types, engine ${engine}: ${nodata} NODATA with SOA, 0 NXDOMAIN`,
      );
      expect(nodata).toBeGreaterThan(owners.length);
    });

    it('names with nothing but names below them exist', async () => {
      const named = ['_tcp.marathon.mesos.', 'slave.mesos.', 'team-a.mesos.', 'b.a.marathon.mesos.'];
      for (const name of named.filter((n) => n !== 'slave.mesos.')) expect(zone.empty).toContain(name);
      for (const name of zone.empty) {
        for (const number of Object.values(TYPES)) {
          const said = await about(name, number);
          expect({ name, rcode: said.rcode, ...negative(said) }).toEqual({
            name,
            rcode: 'NOERROR',
            soa: ['mesos.'],
            answers: 0,
          });
        }
      }
      report(
        'D6',
        `${zone.empty.length} empty non-terminals, engine ${engine}: NOERROR with SOA for each type`,
      );
    });

    it('names that do not exist: NXDOMAIN with SOA, whatever the type; also below names that do', async () => {
      const names = [
        'nobody.marathon.mesos.',
        'x.web.marathon.mesos.',
        'a.b.c.mesos.',
        '_web._sctp.marathon.mesos.',
        '_tcp.mesos2.mesos.',
      ];
      for (const [owner] of [...zone.owners].slice(0, NAMES_A_SIZE)) names.push(`zz.${owner}`, `zz-${owner}`);
      for (const name of names) {
        for (const number of [QTYPE.A, QTYPE.AAAA, QTYPE.SRV, QTYPE.TXT]) {
          const said = await about(name, number);
          expect({ name, rcode: said.rcode, ...negative(said) }).toEqual({
            name,
            rcode: 'NXDOMAIN',
            soa: ['mesos.'],
            answers: 0,
          });
        }
      }
      report('D6', `${names.length} names that do not exist, engine ${engine}: NXDOMAIN with SOA`);
    });

    it('the SOA of a negative answer has the TTL of the minimum (RFC 2308 §3)', async () => {
      const soa = (await about('nobody.marathon.mesos.', QTYPE.A)).authority[0];
      expect(soa?.ttl).toBe(Number(soa?.data.split(' ').at(-1)));
    });

    it.each([
      ['AAAA of a name with A alone', 'web.marathon.mesos', 'AAAA', 'NOERROR', 0],
      ['A of a name with AAAA alone', 'six.marathon.mesos', 'A', 'NOERROR', 0],
      ['A of an SRV name', '_web._tcp.marathon.mesos', 'A', 'NOERROR', 0],
      ['SRV of an address name', 'web.marathon.mesos', 'SRV', 'NOERROR', 0],
      ['an empty non-terminal', '_tcp.marathon.mesos', 'A', 'NOERROR', 0],
      ['one between a framework of two labels and the domain', 'team-a.mesos', 'A', 'NOERROR', 0],
      ['the apex', 'mesos', 'A', 'NOERROR', 0],
      [
        'what stands below an empty non-terminal, asked after it',
        '_web._tcp.marathon.mesos',
        'SRV',
        'NOERROR',
        3,
      ],
      ['A after the NODATA of AAAA', 'web.marathon.mesos', 'A', 'NOERROR', 3],
      ['no such name', 'nobody.marathon.mesos', 'A', 'NXDOMAIN', 0],
    ] as const)(
      'by kdig, and by unbound in front (strict name minimisation): %s',
      async (_what, name, type, status, answers) => {
        const direct = await ask('kdig', fixture.edge.port, name, type);
        expect({ status: direct.status, answers: direct.answers }, direct.text).toEqual({ status, answers });
        const resolved = await ask('kdig', unbound.port, name, type);
        expect({ status: resolved.status, answers: resolved.answers }, resolved.text).toEqual({
          status,
          answers,
        });
        if (answers === 0) expect(resolved.text).toMatch(/mesos\.\s+\d+\s+IN\s+SOA/);
      },
    );
  },
);
