import type { Random } from '../../core/random.ts';
import { CLASS_IN, HEADER_BYTES, TYPE, nameBytes, questionEnd, u16 } from '../wire/index.ts';
import type { Query } from '../wire/index.ts';

/** Replies of this size are not cut into fragments, which could be forged without an id (DNS flag day 2020). */
const OWN_PAYLOAD_BYTES = 1232;
const OPT_BYTES = 11;

/** What a resolver is asked: all that its answer depends on, and nothing of the client. */
export interface Asked {
  /** Folded (lower-case), absolute. */
  readonly name: string;
  readonly type: number;
  /** The DO bit (RFC 3225). */
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
  readonly recursionDesired: boolean;
  /** One text for all of it. */
  readonly key: string;
}

export function askedBy({ question, message }: Query): Asked {
  const name = question.name.toLowerCase();
  const dnssecOk = message.edns?.dnssecOk === true;
  const { checkingDisabled, recursionDesired } = message;
  return askedOf({ name, type: question.type, dnssecOk, checkingDisabled, recursionDesired });
}

export function askedOf(asked: Omit<Asked, 'key'>): Asked {
  const bits = (asked.dnssecOk ? 4 : 0) | (asked.checkingDisabled ? 2 : 0) | (asked.recursionDesired ? 1 : 0);
  return { ...asked, key: `${asked.name} ${asked.type} ${CLASS_IN} ${bits}` };
}

/**
 * Whether the answer may be kept. Without RD a resolver tells only what it happens to know; meta types (128 to 255, RFC 6895 §3.1) are
 * transactions, but for ANY.
 */
export function isCacheable(asked: Asked): boolean {
  return asked.recursionDesired && (asked.type < 128 || asked.type > 255 || asked.type === TYPE.ANY);
}

export interface RequestOptions {
  /** Letters in random case (draft-vixie-dnsext-dns0x20). */
  readonly randomCase: boolean;
  readonly edns: boolean;
}

/** The message to a resolver, with an id of its own. AD asks it to say whether it validated (RFC 6840 §5.7). */
export function requestBytes(asked: Asked, random: Random, options: RequestOptions): Uint8Array {
  const name = nameBytes(asked.name) ?? new Uint8Array(1);
  const bytes = new Uint8Array(HEADER_BYTES + name.length + 4 + (options.edns ? OPT_BYTES : 0));
  const id = randomUint16(random);
  const flags = (asked.recursionDesired ? 0x0100 : 0) | 0x0020 | (asked.checkingDisabled ? 0x0010 : 0);
  put16(bytes, 0, id);
  put16(bytes, 2, flags);
  bytes[5] = 1;
  bytes[11] = options.edns ? 1 : 0;
  if (options.randomCase) mixCase(name, random);
  bytes.set(name, HEADER_BYTES);
  const at = HEADER_BYTES + name.length;
  put16(bytes, at, asked.type);
  put16(bytes, at + 2, CLASS_IN);
  if (!options.edns) return bytes;
  put16(bytes, at + 5, TYPE.OPT);
  put16(bytes, at + 7, OWN_PAYLOAD_BYTES);
  put16(bytes, at + 11, asked.dnssecOk ? 0x8000 : 0);
  return bytes;
}

/** Each letter in upper or lower case, by one random bit each. */
function mixCase(name: Uint8Array, random: Random): void {
  const bits = random.bytes((name.length + 7) >> 3);
  for (const [i, c] of name.entries()) {
    // Lengths are below 64, so they are never taken for letters.
    if (c >= 97 && c <= 122 && (((bits[i >> 3] as number) >> (i & 7)) & 1) === 1) name[i] = c - 32;
  }
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}

/** Uniform over `min` to 65535, from the source that is fit for keys. */
export function randomUint16(random: Random, min = 0): number {
  for (;;) {
    const n = u16(random.bytes(2), 0);
    if (n >= min) return n;
  }
}

/** How a message that arrived relates to what was asked. */
export type Match =
  | 'reply'
  /** All right but for the case of letters: an upstream that folds names, or a forger who did not see the question. */
  | 'folded'
  /** No question in it and a code that says so: an upstream from before EDNS (RFC 6891 §7). */
  | 'not-understood'
  | 'no';

/** Compare id, reply bit and question. Byte for byte: whoever did not see the question must guess all of it (RFC 5452 §9). */
export function matchReply(bytes: Uint8Array, request: Uint8Array): Match {
  if (bytes.length < HEADER_BYTES || u16(bytes, 0) !== u16(request, 0)) return 'no';
  const flags = u16(bytes, 2);
  if ((flags & 0x8000) === 0 || (flags & 0x7800) !== 0) return 'no';
  const questions = u16(bytes, 4);
  const code = flags & 15;
  if (questions === 0 && bytes.length === HEADER_BYTES && (code === 1 || code === 4)) return 'not-understood';
  const end = questionEnd(request);
  if (questions !== 1 || bytes.length < end) return 'no';
  let exact = true;
  for (let i = HEADER_BYTES; i < end; i++) {
    const a = bytes[i] as number;
    const b = request[i] as number;
    if (a === b) continue;
    // Type and class come after the name and have no case.
    if (i >= end - 4 || lower(a) !== lower(b)) return 'no';
    exact = false;
  }
  return exact ? 'reply' : 'folded';
}

function lower(c: number): number {
  return c >= 65 && c <= 90 ? c + 32 : c;
}
