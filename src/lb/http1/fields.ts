import { equalsLower, latin1, LOWER } from './chars.ts';

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
]);

/** The same names by length, so that most fields are told apart without comparing a letter. */
const BY_LENGTH: (readonly { readonly name: string; readonly id: FieldId }[] | undefined)[] = [];
for (const [name, id] of NAMES) BY_LENGTH[name.length] = [...(BY_LENGTH[name.length] ?? []), { name, id }];

const X = 120;
const X_FORWARDED_PREFIX = 'x-forwarded-';

/** Which field a name in bytes is. */
export function fieldId(bytes: Uint8Array, start: number, end: number): FieldId {
  const length = end - start;
  const first = LOWER[bytes[start] as number];
  const candidates = BY_LENGTH[length];
  if (candidates !== undefined) {
    for (const c of candidates) {
      if (first === c.name.charCodeAt(0) && equalsLower(bytes, start, end, c.name)) return c.id;
    }
  }
  if (first === X && length > 12 && equalsLower(bytes, start, start + 12, X_FORWARDED_PREFIX))
    return FieldId.X_FORWARDED;
  return FieldId.OTHER;
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
