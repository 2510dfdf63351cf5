import { EDNS_OPTION } from './constants.ts';
import type { Edns, Message, ResourceRecord } from './message.ts';
import type { Query } from './query.ts';

/** What a handler decides; the rest of the reply follows from the query. */
export interface Reply {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
  /** Extended DNS error (RFC 8914), sent to clients that speak EDNS. */
  readonly ede: number | undefined;
  /** Part of the answers could not be had: say TC over UDP. */
  readonly truncated?: boolean;
}

const NONE: readonly never[] = [];

/** A reply without records. */
export function emptyReply(rcode: number, more: Partial<Reply> = {}): Reply {
  return {
    rcode,
    authoritative: false,
    recursionAvailable: false,
    answers: NONE,
    authority: NONE,
    additional: NONE,
    ede: undefined,
    ...more,
  };
}

/**
 * The whole reply: id, RD and CD of the query, its question in the case it was sent, and an OPT record exactly when the query had one
 * (RFC 6891 §7), with its DO bit and our own payload size. Unknown options and flags are not echoed.
 */
export function replyMessage(query: Query, reply: Reply, udpPayloadBytes: number): Message {
  const { message } = query;
  return {
    id: message.id,
    response: true,
    opcode: message.opcode,
    authoritative: reply.authoritative,
    truncated: reply.truncated === true,
    recursionDesired: message.recursionDesired,
    recursionAvailable: reply.recursionAvailable,
    authenticData: false,
    checkingDisabled: message.checkingDisabled,
    rcode: reply.rcode,
    questions: message.questions,
    answers: reply.answers,
    authority: reply.authority,
    additional: reply.additional,
    edns: message.edns && edns(message.edns, reply.ede, udpPayloadBytes),
  };
}

function edns(asked: Edns, ede: number | undefined, udpPayloadBytes: number): Edns {
  const options =
    ede === undefined ? NONE : [{ code: EDNS_OPTION.EDE, data: Uint8Array.of(ede >> 8, ede & 0xff) }];
  return { udpPayloadBytes, version: 0, dnssecOk: asked.dnssecOk, options };
}
