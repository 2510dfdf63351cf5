import type { MediaType } from '../../core/http/v1-calls.ts';
import { encodeRecord } from '../recordio.ts';
import { encodeProtobuf, encodeProtobufRecord } from './encode.ts';

/** Makes records of the events of a stream. */
export type RecordEncoder = (event: unknown) => Uint8Array;

const encoders = new Map<string, RecordEncoder>();

/** The encoder of a stream of `message`s; always the same one, so that what it made can be shared by streams. */
export function recordEncoder(form: MediaType, message: string): RecordEncoder {
  if (form === 'application/json') return encodeRecord;
  const known = encoders.get(message);
  if (known) return known;
  const encoder: RecordEncoder = (event) => encodeProtobufRecord(message, event);
  encoders.set(message, encoder);
  return encoder;
}

/** The body of an answer; `message` is what `json` is in protobuf. */
export function encodeDocument(form: MediaType, message: string, json: unknown): Uint8Array {
  return form === 'application/json' ? Buffer.from(JSON.stringify(json)) : encodeProtobuf(message, json);
}
