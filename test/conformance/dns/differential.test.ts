import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { startKnot, startNsd } from './support/authorities.ts';
import type { Authority } from './support/authorities.ts';
import { STANDARD, manyServices } from './support/cluster.ts';
import { ENGINE, sized, startFixture } from './support/edge.ts';
import type { Fixture } from './support/edge.ts';
import { report } from './support/report.ts';
import { ask, missing, python, run } from './support/tools.ts';
import { ZoneView } from './support/zone.ts';

// D5: our zone in NSD and in Knot, the same questions to all three. Rcode, AA, the set of answers with their TTL, and the SOA record of
// the authority section must be the same. Every difference that is meant has its line below; anything else is a failure.

const QUESTIONS = sized(5_000, 100_000);
const SEED = Number(process.env['RIMROCK_SEED'] ?? 1);
const SCRIPT = fileURLToPath(new URL('judges/respdiff.py', import.meta.url));
const lacking = missing('nsd', 'knotd', 'kdig', 'dnspython');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

interface View {
  readonly rcode: string;
  readonly aa?: boolean;
  readonly answer?: readonly string[];
  readonly soa?: readonly string[];
}

interface Difference {
  readonly kind: string;
  readonly name: string;
  readonly type: string;
  readonly server: string;
  readonly ours: View;
  readonly theirs: View;
}

interface Differences {
  readonly asked: number;
  readonly tcp: number;
  readonly kinds: Readonly<Record<string, number>>;
  readonly differences: readonly Difference[];
}

/** What is meant to differ, and nothing else. (`.*` in questions is seen to by the judge: it asks the others without it.) */
const MEANT: readonly (readonly [
  why: string,
  holds: (d: Difference, records: ReadonlySet<string>) => boolean,
])[] = [
  [
    // RFC 8482: ANY asks for something there is, not for everything; which part is everybody's own choice.
    'ANY: a part of what there is',
    ({ type, ours, theirs }, records) =>
      type === 'ANY' &&
      (ours.answer ?? []).every((r) => records.has(r)) &&
      ours.rcode === theirs.rcode &&
      ours.aa === theirs.aa &&
      (ours.answer ?? []).length > 0 &&
      (theirs.answer ?? []).length > 0,
  ],
  [
    // Mesos-DNS ignores `.*`: there are names below `*.marathon.mesos`, so it must not be denied (answer/stars.ts).
    '`*.` and a name that exists: no records, but not denied',
    ({ name, ours, theirs }, records) =>
      STARRED.test(lookedUp(name)) &&
      ours.rcode === 'NOERROR' &&
      theirs.rcode === 'NXDOMAIN' &&
      (ours.answer ?? []).length === 0 &&
      String(ours.soa) === String(theirs.soa) &&
      existsIn(records, lookedUp(name).replace(STARRED, '').toLowerCase()),
  ],
];

/** An asterisk for a label, written plainly or by its number. */
const STARRED = /^(\*|\\042)\./;

/** The name without `.*`, which is what we look up and the judge asks the others for. */
function lookedUp(name: string): string {
  return name.replaceAll(/\.(\*|\\042)/g, '');
}

/** Whether a name has records, or some name below it has. */
function existsIn(records: ReadonlySet<string>, name: string): boolean {
  for (const record of records) {
    const owner = record.slice(0, record.indexOf(' '));
    if (owner === name || owner.endsWith(`.${name}`)) return true;
  }
  return false;
}

/** The SOA record, once the second of the last change is over: a serial tells of changes up to the second before. */
async function settledSoa(port: number): Promise<string> {
  let soa = '';
  await eventually('the serial to be that of the last change', async () => {
    const { text } = await ask('kdig', port, 'mesos', 'SOA', '+noall', '+answer');
    soa = /SOA\s+(.*)/.exec(text)?.[1] ?? '';
    return Number(soa.split(' ')[2]) < Date.now() / 1000 - 2;
  });
  return soa;
}

describe.skipIf(lacking.length > 0)(`beside NSD and Knot with the same zone${needs}`, () => {
  let fixture: Fixture;
  let zone: ZoneView;
  let text: string;
  /** The records of the zone as the judge writes them. */
  let records: ReadonlySet<string>;
  let nsd: Authority;
  let knot: Authority;

  beforeAll(async () => {
    // Sets of more than 64 KiB are a check of their own: there is no right answer that others could give.
    const services = [...STANDARD.filter((s) => s.endpoints <= 1000), ...manyServices(sized(200, 3_000))];
    fixture = await startFixture({ engine: ENGINE, services });
    zone = await ZoneView.of(fixture.edge);
    text = zone.masterFile(await settledSoa(fixture.edge.port));
    records = new Set(
      text
        .split('\n')
        .map((line) => line.toLowerCase().replace(/ (soa|ns|a|aaaa|srv) /, (t) => ` 60${t.toUpperCase()}`)),
    );
    [nsd, knot] = await Promise.all([startNsd('mesos', text), startKnot('mesos', text)]);
  });
  afterAll(async () => {
    await nsd.close();
    await knot.close();
    await fixture.close();
  });

  const compare = async (servers: Record<string, number>, count: number): Promise<Differences> => {
    const owners = [...zone.owners.keys()];
    const task = { servers, first: 'rimrock', owners, empty: zone.empty, seed: SEED, count };
    const options = { input: JSON.stringify(task), timeoutMs: 1_800_000 };
    return JSON.parse(await run(python() ?? 'python3', [SCRIPT], options)) as Differences;
  };

  it(`D5: ${QUESTIONS} questions have the same answers`, async () => {
    const servers = { rimrock: fixture.edge.port, nsd: nsd.port, knot: knot.port };
    const result = await compare(servers, QUESTIONS);
    const meant = new Map<string, number>();
    const unexplained = result.differences.filter((d) => {
      const why = MEANT.find(([, holds]) => holds(d, records))?.[0];
      if (why !== undefined) meant.set(why, (meant.get(why) ?? 0) + 1);
      return why === undefined;
    });
    report(
      'D5',
      `${result.asked} questions (seed ${SEED}, ${result.tcp} again over TCP) of ${JSON.stringify(result.kinds)}: ` +
        `${unexplained.length} unexplained differences; meant ${JSON.stringify([...meant])}`,
    );
    expect(result.asked).toBeGreaterThanOrEqual(QUESTIONS);
    expect(Object.keys(result.kinds)).toHaveLength(9);
    expect(unexplained.slice(0, 10)).toEqual([]);
  });

  it('the judge finds the guilty: a zone with another TTL, another without some names', async () => {
    const changed = [text.replace('$TTL 60', '$TTL 61'), text.replaceAll(/^app-1.*$/gm, '')];
    for (const wrong of changed) {
      const other = await startKnot('mesos', wrong);
      const { differences } = await compare({ rimrock: fixture.edge.port, other: other.port }, 600);
      await other.close();
      expect(differences.filter((d) => !MEANT.some(([, holds]) => holds(d, records))).length).toBeGreaterThan(
        0,
      );
    }
  });
});
