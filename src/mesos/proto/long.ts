import { isLong, LongList } from '../../core/json/long-list.ts';
import type { Text, Written } from '../../core/json/long-list.ts';
import type { Work } from '../../core/slices.ts';
import { encodeField, headOfMessage } from './encode.ts';
import { messageType } from './schema.ts';
import type { MessageType, ProtoField } from './schema.ts';

/** Items of a long list that are written in one go. */
const ITEMS_IN_A_ROW = 32;

/**
 * As `encodeProtobuf`, of a document with long lists. Messages begin with their lengths, so all of it has to be written before the first
 * byte can go out.
 */
export function* longProtobuf(name: string, document: unknown): Work<Written> {
  const texts: Text[] = [];
  const bytes = yield* message(messageType(name), document as Json, texts);
  return { texts, bytes };
}

type Json = Readonly<Record<string, unknown>>;

/** Adds the bytes of a message to `texts`, in ascending order of the numbers; how many they are. */
function* message(type: MessageType, json: Json, texts: Text[]): Work<number> {
  let bytes = 0;
  for (const field of type.fields) {
    const value = json[field.name];
    if (value instanceof LongList) bytes += yield* list(field, value, texts);
    else if (isLong(value)) bytes += yield* nested(field, value as Json, texts);
    else bytes += add(texts, encodeField(field, value));
  }
  return bytes;
}

function* nested(field: ProtoField, json: Json, texts: Text[]): Work<number> {
  const inside: Text[] = [];
  const bytes = yield* message(field.message, json, inside);
  const head = add(texts, headOfMessage(field, bytes));
  for (const text of inside) texts.push(text);
  return head + bytes;
}

function* list(field: ProtoField, { source }: LongList, texts: Text[]): Work<number> {
  let bytes = 0;
  let row: unknown[] = [];
  for (let i = 0; i < source.length; i++) {
    const item = source.at(i);
    const alone = source.nested === true && isLong(item);
    if (!alone) row.push(item);
    if (alone || row.length === ITEMS_IN_A_ROW || i === source.length - 1) {
      bytes += add(texts, encodeField(field, row));
      row = [];
      yield;
    }
    if (alone) bytes += yield* nested(field, item as Json, texts);
  }
  return bytes;
}

function add(texts: Text[], bytes: Uint8Array): number {
  const { length } = bytes;
  if (length > 0)
    texts.push({ block: { bytes: Buffer.from(bytes.buffer) }, start: bytes.byteOffset, length });
  return length;
}
