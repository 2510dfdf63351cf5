import { equalsLower, latin1, LOWER, wordsOf } from './chars.ts';

/** The fields that mean something to a proxy; all others are OTHER and pass through untouched. */
export const FieldId = {
  OTHER: 0,
  HOST: 1,
  CONNECTION: 2,
  CONTENT_LENGTH: 3,
  TRANSFER_ENCODING: 4,
  UPGRADE: 5,
  EXPECT: 6,
  TE: 7,
  TRAILER: 8,
  KEEP_ALIVE: 9,
  PROXY_CONNECTION: 10,
  FORWARDED: 11,
  X_FORWARDED_FOR: 12,
  X_FORWARDED_PROTO: 13,
  X_FORWARDED_HOST: 14,
  X_FORWARDED_PORT: 15,
  /** Any other `X-Forwarded-…`. */
  X_FORWARDED: 16,
  X_REAL_IP: 17,
  HTTP2_SETTINGS: 18,
  VIA: 19,
  TRACEPARENT: 20,
  TRACESTATE: 21,
  X_REQUEST_ID: 22,
  AUTHORIZATION: 23,
  ACCEPT: 24,
  X_FORWARDED_CLIENT_CERT: 25,
} as const;
export type FieldId = (typeof FieldId)[keyof typeof FieldId];

const NAMES: ReadonlyMap<string, FieldId> = new Map<string, FieldId>([
  ['host', FieldId.HOST],
  ['connection', FieldId.CONNECTION],
  ['content-length', FieldId.CONTENT_LENGTH],
  ['transfer-encoding', FieldId.TRANSFER_ENCODING],
  ['upgrade', FieldId.UPGRADE],
  ['expect', FieldId.EXPECT],
  ['te', FieldId.TE],
  ['trailer', FieldId.TRAILER],
  ['keep-alive', FieldId.KEEP_ALIVE],
  ['proxy-connection', FieldId.PROXY_CONNECTION],
  ['forwarded', FieldId.FORWARDED],
  ['x-forwarded-for', FieldId.X_FORWARDED_FOR],
  ['x-forwarded-proto', FieldId.X_FORWARDED_PROTO],
  ['x-forwarded-host', FieldId.X_FORWARDED_HOST],
  ['x-forwarded-port', FieldId.X_FORWARDED_PORT],
  ['x-real-ip', FieldId.X_REAL_IP],
  ['http2-settings', FieldId.HTTP2_SETTINGS],
  ['via', FieldId.VIA],
  ['traceparent', FieldId.TRACEPARENT],
  ['tracestate', FieldId.TRACESTATE],
  ['x-request-id', FieldId.X_REQUEST_ID],
  ['authorization', FieldId.AUTHORIZATION],
  ['accept', FieldId.ACCEPT],
  ['x-forwarded-client-cert', FieldId.X_FORWARDED_CLIENT_CERT],
]);

const LONGEST_NAME = 32;
/** The first name of a length and first letter, so that most fields are told apart by one lookup, and of each the next one. */
const CANDIDATES = new Uint8Array(LONGEST_NAME * 32);
const NEXT = new Uint8Array(256);
const CANDIDATE_NAMES: Uint8Array[] = [new Uint8Array(0)];
for (const [name, id] of NAMES) {
  const slot = candidate(name.length, name.charCodeAt(0));
  NEXT[id] = CANDIDATES[slot] as number;
  CANDIDATES[slot] = id;
  CANDIDATE_NAMES[id] = Uint8Array.from(name, (c) => c.charCodeAt(0));
}

function candidate(length: number, first: number): number {
  return length * 32 + (first & 31);
}

const X = 120;
const X_FORWARDED_PREFIX = 'x-forwarded-';

/** Which field a name in bytes is. */
export function fieldId(bytes: Uint8Array, start: number, end: number): FieldId {
  const length = end - start;
  const first = bytes[start] as number;
  if (length < LONGEST_NAME) {
    let id = CANDIDATES[candidate(length, first)] as FieldId;
    for (; id !== FieldId.OTHER; id = NEXT[id] as FieldId)
      if (isName(bytes, start, CANDIDATE_NAMES[id] as Uint8Array)) return id;
  }
  if ((first | 32) === X && length >= 12 && equalsLower(bytes, start, start + 12, X_FORWARDED_PREFIX))
    return FieldId.X_FORWARDED;
  return FieldId.OTHER;
}

function isName(bytes: Uint8Array, start: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) if (LOWER[bytes[start + i] as number] !== lower[i]) return false;
  return true;
}

/** Which field a name in lower case is. */
export function fieldIdOf(name: string): FieldId {
  return NAMES.get(name) ?? (name.startsWith(X_FORWARDED_PREFIX) ? FieldId.X_FORWARDED : FieldId.OTHER);
}

/**
 * The field lines of one head as offsets into its bytes, in the order they came. One object serves many messages: it
 * is valid until the next head is parsed into it.
 */
export class Fields {
  bytes: Uint8Array = new Uint8Array(0);
  /** The same bytes four at a time, where they have been looked at before. */
  words: DataView | undefined;
  count = 0;
  readonly nameStart: Int32Array;
  readonly nameEnd: Int32Array;
  readonly valueStart: Int32Array;
  readonly valueEnd: Int32Array;
  /** Where the next line begins. */
  readonly lineEnd: Int32Array;
  readonly id: Uint8Array;
  /** Bit n: a field with FieldId n is there. */
  present = 0;
  /** Some name has characters besides letters, digits and `-`. */
  oddNames = false;

  constructor(limit: number) {
    this.nameStart = new Int32Array(limit);
    this.nameEnd = new Int32Array(limit);
    this.valueStart = new Int32Array(limit);
    this.valueEnd = new Int32Array(limit);
    this.lineEnd = new Int32Array(limit);
    this.id = new Uint8Array(limit);
  }

  reset(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.words = wordsOf(bytes);
    this.count = 0;
    this.present = 0;
    this.oddNames = false;
  }

  /** Append a field line; the caller has made sure of the room. */
  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, lineEnd: number): void {
    const i = this.count;
    const id = fieldId(this.bytes, nameStart, nameEnd);
    this.nameStart[i] = nameStart;
    this.nameEnd[i] = nameEnd;
    this.valueStart[i] = valueStart;
    this.valueEnd[i] = valueEnd;
    this.lineEnd[i] = lineEnd;
    this.id[i] = id;
    this.present |= 1 << id;
    this.count = i + 1;
  }

  has(id: FieldId): boolean {
    return (this.present & (1 << id)) !== 0;
  }

  /** Index of the first field of this kind, -1 without one. */
  find(id: FieldId): number {
    if ((this.present & (1 << id)) === 0) return -1;
    let i = 0;
    while (this.id[i] !== id) i++;
    return i;
  }

  countOf(id: FieldId): number {
    let n = 0;
    for (let i = 0; i < this.count; i++) if (this.id[i] === id) n += 1;
    return n;
  }

  /** There is exactly one field of this kind, with this value (given in lower case). */
  isJust(id: FieldId, value: string): boolean {
    const i = this.find(id);
    if (i < 0 || this.countOf(id) !== 1) return false;
    return equalsLower(this.bytes, this.valueStart[i] as number, this.valueEnd[i] as number, value);
  }

  /** Connection is absent, or says what it mostly says, and so names no other field. */
  get plainConnection(): boolean {
    return (
      !this.has(FieldId.CONNECTION) ||
      this.isJust(FieldId.CONNECTION, 'keep-alive') ||
      this.isJust(FieldId.CONNECTION, 'close')
    );
  }

  /** Field name in lower case. */
  name(i: number): string {
    return latin1(this.bytes, this.nameStart[i] ?? 0, this.nameEnd[i] ?? 0).toLowerCase();
  }

  value(i: number): string {
    return latin1(this.bytes, this.valueStart[i] ?? 0, this.valueEnd[i] ?? 0);
  }

  /** The comma-separated items of all fields of this kind, in lower case, blanks trimmed, empty ones left out. */
  list(id: FieldId): string[] {
    const items: string[] = [];
    if (!this.has(id)) return items;
    for (let i = 0; i < this.count; i++) {
      if (this.id[i] !== id) continue;
      for (const item of this.value(i).split(',')) {
        const trimmed = item.trim().toLowerCase();
        if (trimmed !== '') items.push(trimmed);
      }
    }
    return items;
  }
}
