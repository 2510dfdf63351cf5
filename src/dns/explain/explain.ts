import type { CatalogVersion, Service } from '../../cluster/index.ts';
import type { Work } from '../../core/slices.ts';
import type { OutsideView } from '../forward/resolver.ts';
import { TYPE, dataText, isWithin, rcodeName, textOfName, typeName } from '../wire/index.ts';
import type { Message, ResourceRecord } from '../wire/index.ts';
import type { SetAside, UnservableRecord } from '../zone/index.ts';
import { agentRecords, frameworkName, masterRecords, namesOfService } from '../zone/records.ts';
import type { ZoneSettings } from '../zone/records.ts';
import { serviceKeyOf } from '../zone/publish/service-key.ts';
import type {
  ExplainedRejection,
  ExplainedService,
  Explanation,
  LeftOutTask,
  Origin,
} from './explanation.ts';
import { explainedTask, whyLeftOut } from './left-out.ts';
import { NearNames } from './near.ts';
import { keyOf, otherOrigins } from './origins.ts';
import type { NamedVip } from './origins.ts';
import { relatedTasks } from './tasks.ts';
import type { RelatedTask } from './tasks.ts';
import type { NamedRecord, NamesView } from './view.ts';

/** What the server said to one question, and what was known then. */
export interface Said {
  readonly asked: string;
  /** The name that was looked up; absolute, lower-case. */
  readonly name: string;
  readonly type: number;
  readonly client: string | undefined;
  readonly message: Message;
  readonly zone: string | undefined;
  readonly stale: boolean;
  readonly ready: boolean;
  /** Types at the name, how many records of the asked one there are, and how many an answer may have (0: all). */
  readonly types: readonly number[];
  readonly count: number;
  readonly most: number;
}

/** Everything else that an explanation is made of. */
export interface Knowledge {
  readonly current: CatalogVersion;
  readonly names: NamesView;
  readonly settings: ZoneSettings;
  /** Domains whose names are those of another one once more (DC/OS); absolute. */
  readonly copies: readonly { readonly from: string; readonly to: string }[];
  /** These three may be many: they are made as they are asked for. */
  readonly vips: () => readonly NamedVip[];
  readonly setAside: () => Iterable<SetAside>;
  readonly unservable: () => Iterable<UnservableRecord>;
  readonly outside: (name: string) => OutsideView | undefined;
  readonly isOurs: (name: string) => boolean;
}

/** Lists are for a person to read. */
const MOST_ORIGINS = 20;
const MOST_RECORDS = 200;
const MOST_LEFT_OUT = 100;
const MOST_REJECTED = 50;
const REST_EVERY = 64;

/** Why a name answers what it does. Long work for a large cluster: it rests now and then. */
export function* explain(said: Said, known: Knowledge): Work<Explanation> {
  const { message, zone, type } = said;
  const original = (name: string): string => originalName(name, known.copies);
  const name = original(said.name);
  const answers = yield* answered(said, original);
  const wanted = new Set([name, ...answers.map((a) => a.record?.name ?? name)]);
  const tasks = yield* relatedTasks(known.current, known.names, wanted);
  // Names of the cluster's own domain are no VIPs.
  const vips = zone === `${known.settings.domain}.` ? [] : known.vips();
  const others = yield* otherOrigins(known.current, known.names, known.settings, vips, wanted);
  const origins = yield* originsOf(tasks, others, answers);
  const services = yield* servicesNamed(known, wanted);
  const leftOut = yield* leftOutOf(tasks, said, name, answers, known);
  const held = zone !== undefined || message.authoritative;
  const missing = held && rcodeName(message.rcode) === 'NXDOMAIN';
  return {
    question: { asked: said.asked, name: said.name, type: typeName(type), client: said.client },
    zone,
    answer: held
      ? {
          ...answerOf(said),
          records: answers.slice(0, MOST_RECORDS).map((a) => shownRecord(a, origins)),
        }
      : undefined,
    types: said.types.map(typeName),
    services,
    leftOut: leftOut.slice(0, MOST_LEFT_OUT),
    leftOutMore: Math.max(0, leftOut.length - MOST_LEFT_OUT),
    near: missing ? yield* nearNames(name, known, vips) : [],
    rejected: yield* rejections(name, tasks, services, known),
    outside: outsideOf(said, held, known),
  };
}

function answerOf({
  message,
  stale,
  ready,
  count,
  most,
}: Said): Omit<NonNullable<Explanation['answer']>, 'records'> {
  const { authoritative, truncated } = message;
  const limit = most > 0 && most < count ? { answers: most, of: count } : undefined;
  return {
    rcode: rcodeName(message.rcode),
    authoritative,
    truncated,
    stale: stale && authoritative,
    ready,
    limit,
    recordsMore: Math.max(0, message.answers.length - MOST_RECORDS),
  };
}

/** A record of the answer, and the same as publishers say it, where they do. */
interface Answered {
  readonly shown: ResourceRecord;
  readonly record: NamedRecord | undefined;
  readonly key: string | undefined;
}

function* answered(said: Said, original: (name: string) => string): Work<readonly Answered[]> {
  const list: Answered[] = [];
  for (const shown of said.message.answers) {
    if (list.length % REST_EVERY === 0) yield;
    const record = asNamed(shown, said, original);
    list.push({ shown, record, key: record && keyOf(record) });
  }
  return list;
}

function originalName(name: string, copies: Knowledge['copies']): string {
  const copy = copies.find(({ from }) => isWithin(name, from));
  return copy ? name.slice(0, name.length - copy.from.length) + copy.to : name;
}

const NAMED_TYPES = new Map<number, NamedRecord['type']>(
  (['A', 'AAAA', 'SRV', 'CNAME', 'PTR', 'TXT'] as const).map((type) => [TYPE[type], type]),
);

/** A record of the answer as publishers say it; undefined for those of the zone itself (SOA, NS). */
function asNamed(r: ResourceRecord, said: Said, original: (name: string) => string): NamedRecord | undefined {
  const type = NAMED_TYPES.get(r.type);
  if (type === undefined) return undefined;
  const owner = r.name.toLowerCase();
  const name = original(owner === said.asked.toLowerCase() ? said.name : owner);
  const { rdata } = r;
  if (type === 'SRV') {
    const port = ((rdata[4] as number) << 8) | (rdata[5] as number);
    return { name, type, host: `${original(textOfName(rdata, 6))}:${port}` };
  }
  if (type === 'CNAME' || type === 'PTR') return { name, type, host: original(textOfName(rdata)) };
  const text = type === 'TXT' ? textOfStrings(rdata) : dataText(r);
  return { name, type, host: text };
}

function textOfStrings(rdata: Uint8Array): string {
  const parts: number[] = [];
  for (let at = 0; at < rdata.length; at += 1 + (rdata[at] as number))
    parts.push(...rdata.subarray(at + 1, at + 1 + (rdata[at] as number)));
  return new TextDecoder().decode(Uint8Array.from(parts));
}

/** Only of what is in the answer, and of each no more than are shown, and counted. */
function* originsOf(
  tasks: readonly RelatedTask[],
  others: ReadonlyMap<string, readonly Origin[]>,
  answers: readonly Answered[],
): Work<ReadonlyMap<string, readonly Origin[]>> {
  const all = new Map<string, Origin[]>();
  for (const { key } of answers) if (key !== undefined) all.set(key, [...(others.get(key) ?? [])]);
  let seen = 0;
  for (const { task, published } of tasks) {
    if (++seen % REST_EVERY === 0) yield;
    for (const key of new Set(published.map(keyOf)))
      all.get(key)?.push({ kind: 'task', ...explainedTask(task) });
  }
  return all;
}

function shownRecord(
  { shown, key }: Answered,
  origins: ReadonlyMap<string, readonly Origin[]>,
): NonNullable<Explanation['answer']>['records'][number] {
  const zone: readonly Origin[] = [{ kind: 'zone' }];
  const from = key === undefined ? zone : (origins.get(key) ?? []);
  return {
    name: shown.name,
    type: typeName(shown.type),
    ttlSeconds: shown.ttl,
    data: dataText(shown),
    from: from.slice(0, MOST_ORIGINS),
    fromMore: Math.max(0, from.length - MOST_ORIGINS),
  };
}

function* leftOutOf(
  tasks: readonly RelatedTask[],
  said: Said,
  name: string,
  answers: readonly Answered[],
  known: Knowledge,
): Work<readonly LeftOutTask[]> {
  const last = answers.at(-1)?.record;
  // An alias answers with what is at its end.
  const at = last && answers[0]?.record?.type === 'CNAME' ? last.name : name;
  const facts = {
    name: at,
    type: typeName(said.type),
    answered: new Set(answers.flatMap(({ key }) => key ?? [])),
    limit: answerOf(said).limit,
    truncated: said.message.truncated,
    unservable: yield* unservableAt(at, known),
    ipSources: known.names.ipSources,
  };
  const leftOut: LeftOutTask[] = [];
  let seen = 0;
  for (const related of tasks) {
    if (++seen % REST_EVERY === 0) yield;
    const why = whyLeftOut(related, facts);
    if (why) leftOut.push({ ...explainedTask(related.task), ...why });
  }
  return leftOut;
}

/** Why records at a name are not in the table, by `keyOf`. */
function* unservableAt(name: string, { unservable }: Knowledge): Work<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  let seen = 0;
  for (const r of unservable()) {
    if (++seen % REST_EVERY === 0) yield;
    if (r.name === name) found.set(keyOf(r), r.reason);
  }
  return found;
}

function* servicesNamed(known: Knowledge, wanted: ReadonlySet<string>): Work<readonly ExplainedService[]> {
  const found: ExplainedService[] = [];
  let seen = 0;
  for (const service of known.current.services.values()) {
    if (++seen % REST_EVERY === 0) yield;
    if (namesOfService(service, known.settings).some((n) => wanted.has(n)))
      found.push({ key: service.key, declared: service.declared, instances: service.instances.length });
  }
  return found;
}

/** Goes over the names of services, frameworks, agents, masters and the config. */
function* nearNames(name: string, known: Knowledge, vips: readonly NamedVip[]): Work<readonly string[]> {
  const { current, settings, names } = known;
  const near = new NearNames(name);
  const offer = (records: Iterable<NamedRecord>): void => {
    for (const r of records) near.offer(r.name);
  };
  offer(names.configured());
  offer(masterRecords(current.leader, current.masters, settings));
  for (const f of current.frameworks.values()) near.offer(frameworkName(f.name, settings));
  for (const vip of vips) if (vip.name !== undefined) near.offer(vip.name);
  for (const agent of current.agents.values()) {
    offer([...agentRecords(agent, settings), ...names.recordsOfAgent(agent)]);
    yield;
  }
  let seen = 0;
  for (const service of current.services.values()) {
    if (++seen % REST_EVERY === 0) yield;
    if (hasNames(service)) for (const n of namesOfService(service, settings)) near.offer(n);
  }
  return near.names();
}

function hasNames(service: Service): boolean {
  return service.declared || service.instances.some((i) => i.phase !== 'waiting');
}

/** What was set aside of these tasks and services, under this name, or under a name that begins like it. */
function* rejections(
  name: string,
  tasks: readonly RelatedTask[],
  services: readonly ExplainedService[],
  { current, setAside, unservable }: Knowledge,
): Work<readonly ExplainedRejection[]> {
  const keys = new Set([
    ...services.map((s) => s.key),
    ...tasks.flatMap(({ task }) => [task.key, task.id, serviceKeyOf(task), task.agentId, task.frameworkId]),
  ]);
  const label = (name.split('.').find((l) => l !== '' && !l.startsWith('_')) ?? name).replace(
    /-[a-z0-9]{5}-s\d+$/,
    '',
  );
  const touches = (id: string): boolean =>
    keys.has(id) ||
    id === name ||
    id.startsWith(`${name} `) ||
    (label.length > 2 && id.toLowerCase().includes(label));
  const found: ExplainedRejection[] = [];
  let seen = 0;
  const all = function* (): Generator<ExplainedRejection> {
    yield* current.rejected.values();
    yield* setAside();
    for (const r of unservable())
      yield { kind: 'record', id: `${r.name} ${r.type} ${r.host}`, reason: r.reason };
  };
  for (const { kind, id, reason } of all()) {
    if (++seen % REST_EVERY === 0) yield;
    if (found.length < MOST_REJECTED && touches(id)) found.push({ kind, id, reason });
  }
  return found;
}

/** A name outside itself, or where the last alias of ours leads. */
function outsideOf(said: Said, held: boolean, { outside, isOurs }: Knowledge): Explanation['outside'] {
  const last = said.message.answers.at(-1);
  let name: string | undefined = held ? undefined : said.name;
  if (last?.type === TYPE.CNAME && said.type !== TYPE.CNAME) name = textOfName(last.rdata).toLowerCase();
  if (name === undefined || isOurs(name)) return undefined;
  const view = outside(name);
  return view && { name, ...view };
}
