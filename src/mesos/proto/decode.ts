import type { MessageType, ProtoField } from './schema.ts';
import { messageType } from './schema.ts';

/** As many messages inside of messages as Mesos takes (the limit of protobuf itself). */
const DEEPEST = 100;
/** Messages of one body, so that a few bytes each cannot become gigabytes of objects. */
const MOST_MESSAGES = 1_000_000;

/** Thrown and caught in here only. */
class Malformed extends Error {}

type Json = Record<string, unknown>;

/**
 * The JSON document that protobuf bytes stand for (mesos-api.md §0.2); undefined when they are not this message: broken, a required
 * field is missing, or a number is none. Fields and enum values that are not known are left out; of a field that
 * comes twice the last counts, and messages are merged. Text that is not UTF-8 gets U+FFFD.
 */
export function decodeProtobuf(message: string, bytes: Uint8Array): Readonly<Json> | undefined {
  const type = messageType(message);
  const out: Json = {};
  const reader = new Reader(bytes);
  try {
    reader.message(type, out, bytes.length, 0);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
  return reader.missed && !isComplete(type, out) ? undefined : out;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #messages = 0;
  /** Something that is required was not there when its message ended; it may have come with another part of that message. */
  missed = false;
  /** The halves of the last number. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  message(type: MessageType, out: Json, end: number, depth: number): void {
    if (depth > DEEPEST || ++this.#messages > MOST_MESSAGES) throw new Malformed();
    while (this.#at < end) {
      const tag = this.#tag(end);
      const field = type.byNumber.get(tag >>> 3);
      if (field === undefined || !this.#field(field, tag & 7, out, end, depth)) this.#skip(tag, end, depth);
    }
    for (const name of type.required) if (out[name] === undefined) this.missed = true;
  }

  /** False when the field is of another type on the wire. */
  #field(field: ProtoField, wire: number, out: Json, end: number, depth: number): boolean {
    const { name, kind } = field;
    if (wire !== WIRE[kind]) return wire === 2 && field.repeated && this.#packed(field, out, end);
    if (kind === 'map') this.#entry(field, mapIn(out, name), end, depth);
    else if (kind === 'message') {
      const value = field.repeated ? {} : objectIn(out, name);
      this.message(field.message, value, this.#length(end), depth + 1);
      if (field.repeated) listIn(out, name).push(value);
    } else {
      const value = this.#scalar(field, end);
      if (value === undefined) return true;
      if (field.repeated) listIn(out, name).push(value);
      else out[name] = value;
    }
    return true;
  }

  #entry(field: ProtoField, map: Json, end: number, depth: number): void {
    const entry: Json = {};
    this.message(field.message, entry, this.#length(end), depth + 1);
    const key = (entry['key'] ?? '') as string;
    // what is not sent is the default; in our maps that is an empty message
    if (entry['value'] === undefined) this.missed = true;
    if (key !== '__proto__') map[key] = entry['value'] ?? {};
  }

  /** Numbers may come many in one piece. */
  #packed(field: ProtoField, out: Json, end: number): boolean {
    if (WIRE[field.kind] === 2) return false;
    const stop = this.#length(end);
    const list = listIn(out, field.name);
    while (this.#at < stop) {
      const value = this.#scalar(field, stop);
      if (value !== undefined) list.push(value);
    }
    return true;
  }

  #scalar(field: ProtoField, end: number): unknown {
    if (field.kind === 'double') return this.#double(end);
    if (field.kind === 'string' || field.kind === 'bytes') {
      const stop = this.#length(end);
      const start = this.#at;
      this.#at = stop;
      return this.#bytes.toString(field.kind === 'string' ? 'utf8' : 'base64', start, stop);
    }
    this.#varint(end);
    return numberIn(field, this.#low, this.#high);
  }

  /** JSON cannot say NaN either. */
  #double(end: number): number {
    if (end - this.#at < 8) throw new Malformed();
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    if (Number.isNaN(value)) throw new Malformed();
    return value;
  }

  /** Where what begins here with its length ends. */
  #length(end: number): number {
    this.#varint(end);
    const length = this.#low >>> 0;
    if (this.#high !== 0 || length > end - this.#at) throw new Malformed();
    return this.#at + length;
  }

  #tag(end: number): number {
    this.#varint(end);
    const tag = this.#low >>> 0;
    if (this.#high !== 0 || tag >>> 3 === 0) throw new Malformed();
    return tag;
  }

  #varint(end: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= end) break;
      const byte = this.#bytes[this.#at++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= (bits & 1) << 31;
      if (byte < 0x80) {
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw new Malformed();
  }

  #skip(tag: number, end: number, depth: number): void {
    switch (tag & 7) {
      case 0:
        return this.#varint(end);
      case 1:
        return this.#pass(8, end);
      case 2:
        this.#at = this.#length(end);
        return;
      case 3:
        return this.#skipGroup(tag, end, depth + 1);
      case 5:
        return this.#pass(4, end);
      default:
        throw new Malformed();
    }
  }

  #pass(count: number, end: number): void {
    if (count > end - this.#at) throw new Malformed();
    this.#at += count;
  }

  /** To the end mark of the same number. */
  #skipGroup(tag: number, end: number, depth: number): void {
    if (depth > DEEPEST) throw new Malformed();
    for (;;) {
      const next = this.#tag(end);
      if ((next & 7) === 4) {
        if (next >>> 3 === tag >>> 3) return;
        throw new Malformed();
      }
      this.#skip(next, end, depth);
    }
  }
}

/** What the halves of a varint are in a field. */
function numberIn({ kind, enum: { names } }: ProtoField, low: number, high: number): unknown {
  if (kind === 'enum') return names.get(low | 0);
  if (kind === 'bool') return (low | high) !== 0;
  if (kind === 'int32') return low | 0;
  if (kind === 'uint32') return low >>> 0;
  return (kind === 'int64' ? high | 0 : high >>> 0) * 0x100000000 + (low >>> 0);
}

/** How each kind stands on the wire. */
const WIRE: Readonly<Record<ProtoField['kind'], number>> = {
  bool: 0,
  enum: 0,
  int32: 0,
  int64: 0,
  uint32: 0,
  uint64: 0,
  double: 1,
  string: 2,
  bytes: 2,
  message: 2,
  map: 2,
};

function listIn(out: Json, name: string): unknown[] {
  return (out[name] ??= []) as unknown[];
}

function objectIn(out: Json, name: string): Json {
  return (out[name] ??= {}) as Json;
}

const mapIn = objectIn;

/** Whether nothing that is required is missing, all the way down. */
function isComplete(type: MessageType, value: Json): boolean {
  return type.fields.every((field) => {
    const given = value[field.name];
    if (given === undefined) return !field.required;
    if (field.kind === 'message')
      return field.repeated
        ? (given as Json[]).every((item) => isComplete(field.message, item))
        : isComplete(field.message, given as Json);
    if (field.kind === 'map' && field.message.byNumber.get(2)?.kind === 'message')
      return Object.values(given as Json).every((item) =>
        isComplete((field.message.byNumber.get(2) as ProtoField).message, item as Json),
      );
    return true;
  });
}
