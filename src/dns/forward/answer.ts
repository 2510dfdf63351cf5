import { CLASS_IN, HEADER_BYTES, RCODE, TYPE, decodeMessage, isWithin, nameBytes } from '../wire/index.ts';
import type { Message, ResourceRecord } from '../wire/index.ts';
import { cursorAt, readName } from '../wire/name.ts';
import type { Asked } from './question.ts';

const RRSIG = 46;
const NSEC = 47;
const NSEC3 = 50;
const MAX_ALIASES = 16;
/** A TTL with the top bit set means 0 (RFC 2181 §8). */
const MAX_TTL = 0x7fff_ffff;

/** What a resolver said about a question, and nothing else that it said. */
export interface Answer {
  readonly kind: 'positive' | 'nodata' | 'nxdomain' | 'failure';
  readonly rcode: number;
  readonly authenticData: boolean;
  /** There is more, which did not fit. */
  readonly truncated: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  /** Seconds that it may be kept, before any limit of ours; 0 for what may not. */
  readonly ttlSeconds: number;
}

/**
 * Read a reply whose question was compared already. Undefined when it cannot be read. Owners that point at the question come out in
 * lower case, whatever case was sent.
 */
export function readAnswer(bytes: Uint8Array, asked: Asked): Answer | undefined {
  const name = nameBytes(asked.name);
  if (name) bytes.set(name, HEADER_BYTES);
  const decoded = decodeMessage(bytes);
  if (!decoded.ok || decoded.message.rcode > 15) return undefined;
  return answerOf(decoded.message, asked);
}

/** Keep the records that answer the question, by way of its aliases, and what proves that there are none (RFC 2308 §2). */
export function answerOf(message: Message, asked: Asked): Answer {
  const { rcode, authenticData, truncated } = message;
  const chain = follow(message.answers, asked);
  const kind = kindOf(rcode, chain.found);
  if (kind === 'failure') {
    return { kind, rcode, authenticData: false, truncated, answers: [], authority: [], ttlSeconds: 0 };
  }
  const soa =
    kind === 'positive'
      ? undefined
      : message.authority.find((r) => isRecord(r, TYPE.SOA) && isWithin(chain.end, r.name.toLowerCase()));
  const authority = message.authority
    .filter((r) => r === soa || isProof(r, asked, chain.end))
    .map((r) => (r === soa ? { ...r, ttl: Math.min(r.ttl, soaMinimum(r)) } : r));
  const lives = [...chain.records, ...authority].map((r) => r.ttl);
  const keepable = kind === 'positive' || soa !== undefined;
  const ttlSeconds = keepable ? Math.min(...lives.map((ttl) => (ttl > MAX_TTL ? 0 : ttl))) : 0;
  return { kind, rcode, authenticData, truncated, answers: chain.records, authority, ttlSeconds };
}

function kindOf(rcode: number, found: boolean): Answer['kind'] {
  if (rcode === RCODE.NXDOMAIN) return 'nxdomain';
  if (rcode !== RCODE.NOERROR) return 'failure';
  return found ? 'positive' : 'nodata';
}

interface Chain {
  readonly records: readonly ResourceRecord[];
  /** The name that the aliases lead to. */
  readonly end: string;
  readonly found: boolean;
}

/** From the question's name along its aliases. Records at other names are nobody's answer and stay behind. */
function follow(answers: readonly ResourceRecord[], asked: Asked): Chain {
  const byOwner = Map.groupBy(answers, (r) => r.name.toLowerCase());
  const records: ResourceRecord[] = [];
  const seen = new Set([asked.name]);
  let end = asked.name;
  for (;;) {
    const here = byOwner.get(end) ?? [];
    const direct = here.filter((r) => isRecord(r, asked.type) || asked.type === TYPE.ANY);
    if (direct.length > 0) {
      records.push(...direct, ...signatures(here, asked.type, asked));
      return { records, end, found: true };
    }
    const alias = here.find((r) => isRecord(r, TYPE.CNAME));
    if (!alias || seen.size > MAX_ALIASES) return { records, end, found: false };
    const renamed = [...byOwner].flatMap(([owner, list]) => (isBelow(end, owner) ? list : []));
    for (const dname of renamed.filter((r) => isRecord(r, TYPE.DNAME)))
      records.push(dname, ...signatures(renamed, TYPE.DNAME, asked));
    records.push(alias, ...signatures(here, TYPE.CNAME, asked));
    const target = readName(cursorAt(alias.rdata, 0))?.toLowerCase();
    // In a circle: what was seen so far is all there is.
    if (target === undefined || seen.has(target)) return { records, end, found: false };
    seen.add(target);
    end = target;
  }
}

function isBelow(name: string, owner: string): boolean {
  return name !== owner && isWithin(name, owner);
}

function isRecord(r: ResourceRecord, type: number): boolean {
  return r.type === type && r.class === CLASS_IN;
}

/** The signatures over records of a type, for who asked for them (RFC 4035 §3.1.1). */
function signatures(at: readonly ResourceRecord[], type: number, asked: Asked): ResourceRecord[] {
  if (!asked.dnssecOk || asked.type === TYPE.ANY || type === RRSIG) return [];
  return at.filter((r) => isRecord(r, RRSIG) && r.rdata[0] === type >> 8 && r.rdata[1] === (type & 0xff));
}

/** Records of the authority section that belong to an answer: proofs, which carry their own defence; a referral, if that was asked for. */
function isProof(r: ResourceRecord, asked: Asked, end: string): boolean {
  if (r.class !== CLASS_IN) return false;
  if (asked.dnssecOk && (r.type === RRSIG || r.type === NSEC || r.type === NSEC3)) return true;
  return !asked.recursionDesired && r.type === TYPE.NS && isWithin(end, r.name.toLowerCase());
}

/** The last number of a SOA record (RFC 2308 §4). */
function soaMinimum(soa: ResourceRecord): number {
  const { rdata } = soa;
  if (rdata.length < 22) return 0;
  return new DataView(rdata.buffer, rdata.byteOffset, rdata.length).getUint32(rdata.length - 4);
}
