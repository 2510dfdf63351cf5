import { isIPv4 } from '../../../core/ip.ts';
import { isName, isWithin } from '../../wire/index.ts';
import { ipBytes } from '../../../core/ip.ts';
import type { RecordType, ZoneRecord } from '../records.ts';

/** A record as the config has it. */
export interface ConfiguredRecord {
  /** In the domain or a reverse zone, with or without a dot at the end. */
  readonly name: string;
  readonly type: RecordType;
  /** An address (A, AAAA), a name (CNAME, PTR), `name:port` (SRV), or text (TXT). */
  readonly value: string;
  readonly ttlSeconds?: number | undefined;
  readonly weight?: number | undefined;
  readonly priority?: number | undefined;
}

/** What is wrong with one record, by its place in the list. */
export interface RecordProblem {
  readonly index: number;
  readonly message: string;
}

/** More than this is not meant to be carried in an answer. */
const MAX_TEXT_BYTES = 4_000;

/** The records as they are published. Meant for those in which `recordProblems` finds nothing. */
export function staticRecords(records: readonly ConfiguredRecord[]): ZoneRecord<RecordType>[] {
  return records.map(({ name, type, value, ttlSeconds, weight, priority }) => ({
    name: absolute(name),
    host: hostOf(type, value),
    type,
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(weight === undefined ? {} : { weight }),
    ...(priority === undefined ? {} : { priority }),
  }));
}

/** A name as it is published: lower-case, with a dot at the end. */
export function absolute(name: string): string {
  return `${name.toLowerCase().replace(/\.$/, '')}.`;
}

/** Everything that is wrong with the records of a config, one by one and with each other. */
export function recordProblems(records: readonly ConfiguredRecord[], domain: string): RecordProblem[] {
  const problems: RecordProblem[] = [];
  const say = (index: number, message: string | undefined): void => {
    if (message !== undefined)
      problems.push({ index, message: `record ${records[index]?.name} ${records[index]?.type}: ${message}` });
  };
  for (const [i, record] of records.entries()) {
    say(i, nameProblem(record.name, domain));
    say(i, valueProblem(record.type, record.value));
    say(i, cnameProblem(record, domain));
    if (record.type !== 'SRV' && (record.weight !== undefined || record.priority !== undefined))
      say(i, 'only SRV records have a weight and a priority; remove them');
  }
  togetherProblems(records, say);
  return problems;
}

/** Why a name of the config cannot be published, or undefined. */
export function nameProblem(name: string, domain: string): string | undefined {
  const full = absolute(name);
  if (!isName(full) || full === '.') return `'${name}' is not a domain name`;
  if (full.split('.').includes('*'))
    return `'${name}' is a wildcard; the domain has none, write the names one by one`;
  const zones = [`${domain}.`, 'in-addr.arpa.', 'ip6.arpa.'];
  if (zones.some((zone) => isWithin(full, zone))) return undefined;
  return `'${name}' is neither in the domain '${domain}' nor a reverse name (in-addr.arpa, ip6.arpa)`;
}

function valueProblem(type: RecordType, value: string): string | undefined {
  switch (type) {
    case 'A':
      return isIPv4(value) ? undefined : `'${value}' is not an IPv4 address`;
    case 'AAAA':
      // `::ffff:192.0.2.1` is an IPv4 address here, as for Mesos-DNS.
      return ipBytes(value)?.length === 16 ? undefined : `'${value}' is not an IPv6 address`;
    case 'CNAME':
    case 'PTR':
      return isTarget(value) ? undefined : `'${value}' is not a domain name`;
    case 'SRV': {
      const m = /^(.+):(\d{1,5})$/.exec(value);
      if (m && isTarget(m[1] ?? '') && Number(m[2]) <= 65_535) return undefined;
      return `'${value}' is not a name and port, such as db.example.com:5432`;
    }
    case 'TXT': {
      const bytes = new TextEncoder().encode(value).length;
      if (bytes <= MAX_TEXT_BYTES) return undefined;
      return `the text has ${bytes} bytes, at most ${MAX_TEXT_BYTES} are allowed`;
    }
  }
}

/** An address would pass for a name, and nobody would find out until it is looked up. */
function isTarget(text: string): boolean {
  return isName(absolute(text)) && absolute(text) !== '.' && !isIPv4(text);
}

function cnameProblem({ name, type, value }: ConfiguredRecord, domain: string): string | undefined {
  if (type !== 'CNAME') return undefined;
  if (absolute(name) === `${domain}.`)
    return 'the domain itself has SOA and NS records, so it can have no CNAME';
  return absolute(name) === absolute(value) ? 'points to itself' : undefined;
}

function togetherProblems(
  records: readonly ConfiguredRecord[],
  say: (index: number, message: string | undefined) => void,
): void {
  const byName = new Map<string, number[]>();
  for (const [i, { name }] of records.entries())
    byName.set(absolute(name), [...(byName.get(absolute(name)) ?? []), i]);
  for (const list of byName.values()) {
    const seen = new Map<string, number>();
    const first = new Map<RecordType, number>();
    for (const i of list) {
      const record = records[i] as ConfiguredRecord;
      const same = seen.get(contentOf(record));
      if (same !== undefined) say(i, `is the same as records[${same}]`);
      seen.set(contentOf(record), i);
      const head = first.get(record.type) ?? i;
      first.set(record.type, head);
      // RFC 2181 §5.2: a set has one TTL.
      if (records[head]?.ttlSeconds !== record.ttlSeconds)
        say(i, `has another ttlSeconds than records[${head}], which is of the same name and type`);
    }
    // RFC 2181 §10.1: a CNAME is alone. `seen` has each content once.
    const alone = [...seen.values()].find((i) => records[i]?.type === 'CNAME');
    const other = [...seen.values()].find((i) => i !== alone);
    if (alone !== undefined && other !== undefined)
      say(alone, `a CNAME must be the only record of its name, but there is also records[${other}]`);
  }
  loopProblems(records, say);
}

function contentOf({ type, value }: ConfiguredRecord): string {
  return `${type} ${hostOf(type, value)}`;
}

/** A chain of CNAMEs that comes back to where it began. */
function loopProblems(
  records: readonly ConfiguredRecord[],
  say: (index: number, message: string | undefined) => void,
): void {
  const target = new Map<string, string>();
  for (const { name, type, value } of records)
    if (type === 'CNAME') target.set(absolute(name), absolute(value));
  for (const [i, { name, type, value }] of records.entries()) {
    if (type !== 'CNAME' || absolute(name) === absolute(value)) continue;
    const start = absolute(name);
    const seen = new Set<string>();
    for (let at = target.get(start); at !== undefined && !seen.has(at); at = target.get(at)) {
      if (at === start) {
        say(i, 'its chain of CNAMEs comes back to it');
        break;
      }
      seen.add(at);
    }
  }
}

function hostOf(type: RecordType, value: string): string {
  if (type === 'CNAME' || type === 'PTR') return absolute(value);
  if (type !== 'SRV') return value;
  const colon = value.lastIndexOf(':');
  return `${absolute(value.slice(0, colon))}:${Number(value.slice(colon + 1))}`;
}
