import { messageType } from './schema.ts';
import type { MessageType, ProtoField } from './schema.ts';
import { BackwardWriter } from './writer.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;

const writer = new BackwardWriter();

/**
 * The protobuf bytes of a JSON document of a v1 API (mesos-api.md §0.2): enums by name, bytes in base64, numbers as numbers or
 * text. Never throws: what does not fit its field is left out, as Mesos leaves out an enum value that it does not know,
 * numbers beyond the range of their field end at its limit, and keys that are no field are passed over.
 */
export function encodeProtobuf(message: string, json: unknown): Uint8Array {
  const type = messageType(message);
  writer.clear();
  if (isObject(json)) writeMessage(type, json);
  return writer.take();
}

/** One event as a record of a stream (RecordIO). */
export function encodeProtobufRecord(message: string, event: unknown): Uint8Array {
  const type = messageType(message);
  writer.clear();
  if (isObject(event)) writeMessage(type, event);
  writer.ascii(`${writer.length}\n`);
  return writer.take();
}

type Json = Readonly<Record<string, unknown>>;

function isObject(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** From the last field to the first, as the writer wants it: the bytes are in ascending order of the numbers. */
function writeMessage(type: MessageType, json: Json): void {
  const { fields } = type;
  for (let i = fields.length - 1; i >= 0; i--) {
    const field = fields[i] as ProtoField;
    writeAll(field, json[field.name]);
  }
}

/** All of what a message has in one field. */
function writeAll(field: ProtoField, value: unknown): void {
  if (value === undefined || value === null) return;
  if (field.kind === 'map') writeMap(field, value);
  else if (field.repeated && Array.isArray(value))
    for (let n = value.length - 1; n >= 0; n--) writeField(field, value[n]);
  else writeField(field, value);
}

/** The bytes of one field of a message, tags included. */
export function encodeField(field: ProtoField, value: unknown): Uint8Array {
  writer.clear();
  writeAll(field, value);
  return writer.take();
}

/** What stands before a message of so many bytes in a field. */
export function headOfMessage(field: ProtoField, bytes: number): Uint8Array {
  writer.clear();
  writer.varint(bytes);
  writer.varint((field.number << 3) | LENGTH);
  return writer.take();
}

function writeMap(field: ProtoField, value: unknown): void {
  if (!isObject(value)) return;
  for (const [key, item] of Object.entries(value).toReversed()) {
    writeNested(field, { key, value: item });
    writer.varint((field.number << 3) | LENGTH);
  }
}

function writeField(field: ProtoField, value: unknown): void {
  const wire = writeValue(field, value);
  if (wire !== undefined) writer.varint((field.number << 3) | wire);
}

/** How it stands on the wire; undefined when nothing was written. */
function writeValue(field: ProtoField, value: unknown): number | undefined {
  const { kind } = field;
  if (kind === 'message') return isObject(value) ? writeNested(field, value) : undefined;
  if (kind === 'string') return writeText(value);
  if (kind === 'bytes') {
    if (typeof value !== 'string') return undefined;
    writer.base64(value);
    return LENGTH;
  }
  const number = kind === 'double' ? numberOf(value) : wholeNumber(field, value);
  if (number === undefined) return undefined;
  if (kind === 'double') writer.double(number);
  else writer.varint64(number);
  return kind === 'double' ? FIXED64 : VARINT;
}

function writeNested(field: ProtoField, value: Json): number {
  const before = writer.length;
  writeMessage(field.message, value);
  writer.varint(writer.length - before);
  return LENGTH;
}

function writeText(value: unknown): number | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  writer.text(String(value));
  return LENGTH;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

/** The largest 64-bit numbers that a double can be. */
const MOST_SIGNED = 2 ** 63 - 1024;
const MOST_UNSIGNED = 2 ** 64 - 2048;
const RANGES = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2 ** 63), MOST_SIGNED],
  uint64: [0, MOST_UNSIGNED],
} as const;

function wholeNumber(field: ProtoField, value: unknown): number | undefined {
  const { kind } = field;
  if (kind === 'enum') return typeof value === 'string' ? field.enum.numbers.get(value) : undefined;
  if (kind === 'bool') {
    if (value === true || value === 'true') return 1;
    return value === false || value === 'false' ? 0 : undefined;
  }
  const number = numberOf(value);
  if (number === undefined || Number.isNaN(number)) return undefined;
  const [least, most] = RANGES[kind as keyof typeof RANGES];
  return Math.trunc(Math.min(Math.max(number, least), most));
}
