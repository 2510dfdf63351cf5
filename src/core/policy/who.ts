import type { Subject } from '../access.ts';
import { masked, parseCidr } from '../cidr.ts';
import { ipBytes, ipText } from '../ip.ts';
import { Pattern } from './pattern.ts';
import type { PatternProblem } from './pattern.ts';

/** Everybody of a kind, or those with a name like this. */
export type Who =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'anonymous' }
  | NetworkWho
  | NamedWho;

/** Whoever asks from an address in a network, whoever that is. */
export interface NetworkWho {
  readonly kind: 'network';
  /** 4 or 16 bytes; those behind the prefix are zero. */
  readonly bytes: Uint8Array;
  readonly bits: number;
}

export interface NamedWho {
  readonly kind: NamedKind;
  readonly pattern: Pattern;
}

const NAMED = ['user', 'group', 'service', 'principal', 'workload'] as const;
export type NamedKind = (typeof NAMED)[number];

/** What may stand in `who`, for messages. */
export const WHO_FORMS: readonly string[] = [
  'anyone',
  'authenticated',
  'anonymous',
  'user:',
  'group:',
  'service:',
  'principal:',
  'spiffe://',
  'net:',
];

const SPIFFE = 'spiffe://';
const NETWORK = 'net:';

/** `anyone`, `user:alice`, `spiffe://domain/path/**`, `net:10.0.0.0/8` … Undefined: it has none of these forms. */
export function parseWho(text: string): Who | PatternProblem | undefined {
  if (text === 'anyone' || text === 'authenticated' || text === 'anonymous') return { kind: text };
  if (text.startsWith(SPIFFE)) return named('workload', text);
  if (text.startsWith(NETWORK)) return network(text.slice(NETWORK.length));
  const colon = text.indexOf(':');
  const kind = NAMED.find((k) => k !== 'workload' && k === text.slice(0, Math.max(colon, 0)));
  return kind === undefined ? undefined : named(kind, text.slice(colon + 1));
}

function network(text: string): NetworkWho | PatternProblem {
  const parsed = parseCidr(text);
  return parsed.ok ? { kind: 'network', bytes: parsed.bytes, bits: parsed.bits } : { problem: parsed.reason };
}

function named(kind: NamedKind, text: string): Who | PatternProblem {
  if (text === '' || text === SPIFFE) return { problem: 'there is no name' };
  const pattern = Pattern.parse(text);
  return 'problem' in pattern ? pattern : { kind, pattern };
}

/** Whether the subject is one of them. Nobody who has not said who it is has groups. */
export function isWho(who: Who, { kind, name, groups, address }: Subject): boolean {
  if (who.kind === 'anyone') return true;
  if (who.kind === 'network') return address !== undefined && isWithin(who, address);
  if (who.kind === 'anonymous') return kind === 'anonymous';
  if (kind === 'anonymous') return false;
  if (who.kind === 'authenticated') return true;
  if (who.kind === 'group') return groups.some((group) => who.pattern.test(group));
  return kind === who.kind && who.pattern.test(name);
}

/** The bytes of an address as text; a zone index (`fe80::1%eth0`) is left aside. */
export function addressBytes(address: string): Uint8Array | undefined {
  const zone = address.indexOf('%');
  return ipBytes(zone < 0 ? address : address.slice(0, zone));
}

/** What all addresses have in common that begin with the same bits. */
export function prefixOf(bytes: Uint8Array, bits: number): string {
  return ipText(masked(bytes, bits));
}

function isWithin({ bytes, bits }: NetworkWho, address: string): boolean {
  const asked = addressBytes(address);
  return asked?.length === bytes.length && prefixOf(asked, bits) === ipText(bytes);
}

/** Whether everybody of `other` is certain to be one of `who`. */
export function whoCovers(who: Who, other: Who): boolean {
  if (who.kind === 'anyone') return true;
  if (who.kind === 'network')
    return (
      other.kind === 'network' &&
      who.bits <= other.bits &&
      who.bytes.length === other.bytes.length &&
      prefixOf(other.bytes, who.bits) === ipText(who.bytes)
    );
  if (who.kind === 'authenticated')
    return other.kind !== 'anyone' && other.kind !== 'anonymous' && other.kind !== 'network';
  if (who.kind === 'anonymous') return other.kind === 'anonymous';
  return 'pattern' in other && who.kind === other.kind && who.pattern.covers(other.pattern);
}
