import type { CatalogAgent, CatalogTask } from '../../../cluster/index.ts';
import type { LabelRule } from '../labels.ts';
import type { Publisher } from '../publisher.ts';
import type { IpSource, RecordType, ZoneRecord } from '../records.ts';
import { AgentNames } from './agents.ts';
import { AnswerLimits } from './limits.ts';
import { MesosNames } from './mesos.ts';
import type { HealthPolicy } from './service-labels.ts';
import type { SetAside } from './set-aside.ts';
import { StaticRecords } from './static.ts';
import { absolute, staticRecords } from './static-records.ts';
import type { ConfiguredRecord } from './static-records.ts';

export { HEALTH_POLICIES, MAX_ANSWERS } from './service-labels.ts';
export type { SetAside } from './set-aside.ts';
export { nameProblem, recordProblems } from './static-records.ts';

export interface NamesSettings {
  /** Lower-case, without dots at the ends. */
  readonly domain: string;
  readonly rule: LabelRule;
  readonly ipSources: readonly IpSource[];
  /** Absolute name of this server in the SOA record, and the addresses it gets. */
  readonly mname: string;
  readonly listenerIps: readonly string[];
  readonly health: HealthPolicy;
  readonly legacyNames: boolean;
  readonly agentNames: boolean;
  readonly networkNames: boolean;
  readonly ptr: boolean;
}

/** What the config says of single names; it may change while DNS runs. */
export interface ConfiguredNames {
  readonly records: readonly ConfiguredRecord[];
  /** The most records of an answer, by name. */
  readonly answerLimits: Readonly<Record<string, number>>;
}

/** Everything that says which names and records are published. */
export interface Names {
  /** In the order in which they are to be asked. */
  readonly publishers: readonly Publisher[];
  /** Take what a changed config says; the next step of the publishers says the difference. */
  replace(configured: ConfiguredNames): void;
  /** The records under which a task of the present catalog is published. */
  recordsOf(task: CatalogTask): readonly ZoneRecord<RecordType>[];
  /** All names that a task could be published under, whatever its state and health. */
  everyRecordOf(task: CatalogTask): readonly ZoneRecord<RecordType>[];
  /** The records that an agent has to itself. */
  recordsOfAgent(agent: CatalogAgent): readonly ZoneRecord<RecordType>[];
  /** Those of the config. */
  configured(): readonly ZoneRecord<RecordType>[];
  setAside(): Iterable<SetAside>;
}

/** The publishers for these settings. Each must be given every step of the catalog, and all that it yields be taken, in order. */
export function createNames(settings: NamesSettings, configured: ConfiguredNames): Names {
  const mesos = new MesosNames(settings);
  const own = new StaticRecords(staticRecords(configured.records));
  const limits = new AnswerLimits(settings, limitsByName(configured));
  const agents = settings.agentNames ? [new AgentNames(settings)] : [];
  return {
    publishers: [mesos, ...agents, own, limits],
    replace(next) {
      own.replace(staticRecords(next.records));
      limits.replace(limitsByName(next));
    },
    recordsOf: (task) => mesos.recordsOf(task),
    everyRecordOf: (task) => mesos.everyRecordOf(task),
    recordsOfAgent: (agent) => agents.flatMap((a) => a.recordsOf(agent)),
    configured: () => own.records(),
    *setAside() {
      yield* mesos.setAside();
      yield* limits.setAside();
    },
  };
}

function limitsByName({ answerLimits }: ConfiguredNames): Map<string, number> {
  return new Map(Object.entries(answerLimits).map(([name, answers]) => [absolute(name), answers]));
}
