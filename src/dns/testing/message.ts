import { TYPE } from '../wire/index.ts';
import type { Message } from '../wire/index.ts';

/** A plain question for the addresses of `web.marathon.mesos.`, unless told otherwise. */
export function questionMessage(more: Partial<Message> = {}): Message {
  return {
    id: 0x1234,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: 0,
    questions: [{ name: 'web.marathon.mesos.', type: TYPE.A, class: 1 }],
    answers: [],
    authority: [],
    additional: [],
    edns: undefined,
    ...more,
  };
}
