import { CLASS_IN, TYPE, decodeMessage, encodeMessage, plainQuery } from '../wire/index.ts';
import type { Edns, Message } from '../wire/index.ts';

export const EDNS: Edns = { udpPayloadBytes: 1232, version: 0, dnssecOk: false, options: [] };

/** A plain question for the addresses of `web.marathon.mesos.`, unless told otherwise. */
export function questionMessage(more: Partial<Message> = {}): Message {
  const question = { name: 'web.marathon.mesos.', type: TYPE.A, class: CLASS_IN };
  return plainQuery(question, { id: 0x1234, ...more });
}

export function queryBytes(name: string, type: number = TYPE.A, more: Partial<Message> = {}): Uint8Array {
  const questions = [{ name, type, class: 1 }];
  return encodeMessage(questionMessage({ id: 4711, questions, ...more })).bytes.slice();
}

export function decoded(bytes: Uint8Array): Message {
  const result = decodeMessage(bytes);
  if (!result.ok) throw new Error(`not a DNS message: ${result.reason}`);
  return result.message;
}
