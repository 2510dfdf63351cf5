import type { Issue } from '../core/config/decode.ts';
import { nearest } from '../core/config/nearest.ts';

/** The keys of a Mesos-DNS config.json with their defaults, in the order of its documentation (mesos-dns.md §2). */
export const MESOS_DNS_DEFAULTS = {
  RefreshSeconds: 60,
  Port: 53,
  Timeout: 5,
  StateTimeoutSeconds: 300,
  ZkDetectionTimeout: 30,
  HttpPort: 8123,
  TTL: 60,
  SRVRecordDefaultWeight: 1,
  SOASerial: 0,
  SOARefresh: 60,
  SOARetry: 600,
  SOAExpire: 86_400,
  SOAMinttl: 60,
  SOAMname: 'ns1.mesos',
  SOARname: 'root.ns1.mesos',
  Masters: [] as readonly string[],
  Zk: '',
  ZoneResolvers: {} as Readonly<Record<string, readonly string[]>>,
  Resolvers: ['8.8.8.8'] as readonly string[],
  IPSources: ['netinfo', 'mesos', 'host'] as readonly string[],
  Domain: 'mesos',
  File: '',
  Listener: '0.0.0.0',
  HTTPListener: '0.0.0.0',
  RecurseOn: true,
  DnsOn: true,
  HttpOn: true,
  ExternalOn: true,
  EnforceRFC952: false,
  SetTruncateBit: true,
  EnumerationOn: true,
  MesosHTTPSOn: false,
  CACertFile: '',
  CertFile: '',
  KeyFile: '',
  MesosAuthentication: '',
  MesosCredentials: { Principal: '', Secret: '' },
  IAMConfigFile: '',
};

export type MesosDnsValues = typeof MESOS_DNS_DEFAULTS;
type Key = keyof MesosDnsValues;

/** Names of the SOA record in very old files. */
const LEGACY_KEYS: ReadonlySet<string> = new Set(['ns', 'email']);

const KEYS = new Map((Object.keys(MESOS_DNS_DEFAULTS) as Key[]).map((key) => [key.toLowerCase(), key]));

/** Whole numbers that the original holds in fewer than 64 bits. */
const RANGES: Partial<Record<Key, readonly [number, number]>> = {
  TTL: [-2_147_483_648, 2_147_483_647],
  SRVRecordDefaultWeight: [0, 65_535],
  SOASerial: [0, 4_294_967_295],
  SOARefresh: [0, 4_294_967_295],
  SOARetry: [0, 4_294_967_295],
  SOAExpire: [0, 4_294_967_295],
  SOAMinttl: [0, 4_294_967_295],
};

export interface ReadKeys {
  readonly values: MesosDnsValues;
  readonly issues: readonly Issue[];
  readonly warnings: readonly string[];
}

/**
 * Read the keys: their case does not matter, the last of two wins, unknown ones are ignored with a warning, null empties a list and leaves
 * anything else at its default. A value of the wrong type is an issue.
 */
export function readMesosDnsKeys(json: unknown, file: string): ReadKeys {
  const issues: Issue[] = [];
  const warnings: string[] = [];
  const values: Record<string, unknown> = { ...MESOS_DNS_DEFAULTS };
  const wrong = (path: string, reason: string): void => {
    issues.push({ path, message: `failed to unmarshal config file "${file}": ${reason}` });
  };
  if (!isObject(json)) {
    wrong('(root)', `a JSON object is needed, this is ${typeName(json)}`);
    return { values: MESOS_DNS_DEFAULTS, issues, warnings };
  }
  for (const [given, value] of Object.entries(json)) {
    const key = KEYS.get(given.toLowerCase());
    if (key === undefined) {
      if (!LEGACY_KEYS.has(given.toLowerCase())) warnings.push(unknownKey(given));
      continue;
    }
    const problem = problemWith(key, value);
    if (problem !== undefined) wrong(key, `${given} ${problem}`);
    else values[key] = read(key, value);
  }
  return { values: values as unknown as MesosDnsValues, issues, warnings };
}

function unknownKey(given: string): string {
  const near = nearest(given, KEYS.values());
  return `unknown key '${given}' is ignored${near === undefined ? '' : `; did you mean '${near}'?`}`;
}

function problemWith(key: Key, value: unknown): string | undefined {
  const like: unknown = MESOS_DNS_DEFAULTS[key];
  if (value === null) return undefined;
  if (typeof like === 'number') {
    if (typeof value !== 'number' || !Number.isInteger(value))
      return `must be a whole number, not ${typeof value === 'number' ? value : typeName(value)}`;
    const [min, max] = RANGES[key] ?? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
    return value < min || value > max ? `must be between ${min} and ${max}, not ${value}` : undefined;
  }
  if (Array.isArray(like)) return problemWithStrings(value);
  if (key === 'ZoneResolvers') {
    const ok = isObject(value) && Object.values(value).every((list) => list === null || isStrings(list));
    return ok ? undefined : 'must be an object of lists of strings';
  }
  if (key === 'MesosCredentials') {
    const ok = isObject(value) && Object.values(value).every((v) => v === null || typeof v === 'string');
    return ok ? undefined : 'must be an object with the strings Principal and Secret';
  }
  return typeof value === typeof like ? undefined : `must be a ${typeof like}, not ${typeName(value)}`;
}

function problemWithStrings(value: unknown): string | undefined {
  if (!Array.isArray(value)) return `must be a list of strings, not ${typeName(value)}`;
  const at = value.findIndex((v) => typeof v !== 'string');
  return at < 0 ? undefined : `must be a list of strings, but number ${at + 1} is ${typeName(value[at])}`;
}

function read(key: Key, value: unknown): unknown {
  if (value === null) return Array.isArray(MESOS_DNS_DEFAULTS[key]) ? [] : MESOS_DNS_DEFAULTS[key];
  if (key === 'ZoneResolvers') {
    return Object.fromEntries(
      Object.entries(value as object).map(([zone, list]) => [zone, (list as unknown) ?? []]),
    );
  }
  if (key !== 'MesosCredentials') return value;
  const found = new Map(
    Object.entries(value as object).map(([k, v]) => [k.toLowerCase(), (v as string | null) ?? '']),
  );
  return { Principal: found.get('principal') ?? '', Secret: found.get('secret') ?? '' };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((v) => typeof v === 'string');
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
