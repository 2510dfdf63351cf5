import { nameOf, questions } from '../cluster.ts';
import { edgeName, engines, fastEngine, startedEdge, zoneFile } from '../edge.ts';
import type { Edge } from '../edge.ts';
import { atMost } from '../../support/figure.ts';
import type { Figure, Finding } from '../../support/figure.ts';
import type { Rounds } from '../../support/rounds.ts';
import { SERVER_CORE, end, write } from '../../support/machine.ts';
import type { Started } from '../../support/machine.ts';
import { startMaster } from '../master.ts';
import { startEcho, startKnot, startNsd } from '../peers.ts';
import type { Peer } from '../peers.ts';
import { queryRounds } from '../rounds.ts';
import type { Subject } from '../rounds.ts';

const SMALL = 10_000;
const LARGE = 100_000;
const many = (name: string): string => `${name}, ${LARGE.toLocaleString('en')} tasks`;

/** CPU time per query where every server has one core to itself and more questions than it can answer. */
export const saturated: Figure = {
  name: 'saturated',
  async run({ rounds, seconds }) {
    const started: Started[] = [];
    try {
      const subjects = await servers(started);
      const results = await queryRounds(subjects, { rounds, seconds });
      console.log('  without EDNS');
      const without = await queryRounds(
        subjects.filter((s) => !s.name.includes('tasks')),
        { rounds: Math.min(3, rounds), seconds, load: { edns: false } },
      );
      return {
        findings: findings(results),
        details: [
          `Saturated, one core, ${SMALL.toLocaleString('en')} tasks, questions with EDNS:`,
          results.table(['Knot', 'NSD', 'C echo']),
          'The same without EDNS:',
          without.table(['Knot', 'NSD', 'C echo']),
        ],
      };
    } finally {
      for (const one of started.toReversed()) await end(one);
    }
  },
};

/** Ours by engine with few and many tasks, the peers, and the floor. */
async function servers(started: Started[]): Promise<Subject[]> {
  const keep = <T extends Started | undefined>(one: T): T => {
    if (one) started.push(one);
    return one;
  };
  const small = write('questions-small', questions(SMALL, 20_000));
  const large = write('questions-large', questions(LARGE, 200_000));
  const subjects: Subject[] = [];
  const few = keep(await startMaster(SMALL, 'stream'));
  let any: Edge | undefined;
  for (const engine of engines) {
    const edge = keep(await startedEdge(SERVER_CORE, few, SMALL, engine === undefined ? {} : { engine }));
    any ??= edge;
    subjects.push({ ...edge, name: edgeName(engine), questions: small, ours: true });
  }
  const lots = keep(await startMaster(LARGE, 'stream'));
  const big = keep(await startedEdge(SERVER_CORE, lots, LARGE));
  subjects.push({ ...big, name: many(edgeName(fastEngine)), questions: large, ours: true });
  const zone = any ? await zoneFile(any) : '';
  const peers: (Peer | undefined)[] = [];
  for (const start of [startKnot, startNsd]) peers.push(keep(await start(zone, nameOf(0))));
  for (const peer of peers) if (peer) subjects.push({ ...peer, questions: small });
  const echo = keep(await startEcho());
  if (echo) subjects.push({ ...echo, questions: small, echo: true });
  return subjects;
}

function findings(results: Rounds): Finding[] {
  const ours = edgeName(fastEngine);
  const us = (name: string): string => ` (${results.median(name, 'usEach').toFixed(2)} µs)`;
  const list: Finding[] = [];
  for (const [peer, limit] of [
    ['Knot', 0.85],
    ['NSD', 1],
    ['C echo', 1.3],
  ] as const)
    list.push(
      atMost(
        `CPU per query, saturated, 10,000 tasks`,
        results.ratio(ours, peer),
        limit,
        ` × ${peer}`,
        us(ours),
      ),
    );
  const grown = results.ratio(many(ours), ours);
  list.push(atMost('the same at 100,000 tasks', grown, 1.15, ' × at 10,000', us(many(ours))));
  const portable = edgeName('portable');
  list.push(atMost('the same, portable engine', results.ratio(portable, 'Knot'), 2, ' × Knot', us(portable)));
  return list;
}
