import type { Message, Question } from './message.ts';

/** A message that asks one question, with recursion desired and nothing else, unless told otherwise. */
export function plainQuery(question: Question, more: Partial<Message> = {}): Message {
  return {
    id: 0,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: 0,
    questions: [question],
    answers: [],
    authority: [],
    additional: [],
    edns: undefined,
    ...more,
  };
}
