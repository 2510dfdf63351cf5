import { u16 } from './bytes.ts';
import { CLASS_IN, HEADER_BYTES, OPCODE_QUERY, PLAIN_UDP_LIMIT, RCODE, TYPE } from './constants.ts';
import { decodeMessage } from './decode.ts';
import type { Message, Question } from './message.ts';

/** A message that asks one plain question. */
export interface Query {
  readonly message: Message;
  readonly question: Question;
}

/** What to do with an arriving message before anything is looked up. */
export type Admission =
  | { readonly kind: 'query'; readonly query: Query }
  /** Never answer: too short to have an id, or itself a reply (answering replies makes loops). */
  | { readonly kind: 'ignore' }
  /** Answer with this code. `query` is there when the message could be read so far. */
  | { readonly kind: 'refuse'; readonly rcode: number; readonly query: Query | undefined };

/**
 * The admission table, in order. Checks of the header come before anything is parsed: a query has at most one record in the answer
 * and authority sections (IXFR, NOTIFY) and two in the additional one (OPT, TSIG), so a hostile message costs little.
 */
export function admit(bytes: Uint8Array): Admission {
  if (bytes.length < HEADER_BYTES) return { kind: 'ignore' };
  const flags = u16(bytes, 2);
  if ((flags & 0x8000) !== 0) return { kind: 'ignore' };
  if (((flags >> 11) & 15) !== OPCODE_QUERY) return refuse(RCODE.NOTIMP);
  if (u16(bytes, 4) !== 1) return refuse(RCODE.FORMERR);
  if (u16(bytes, 6) > 1 || u16(bytes, 8) > 1 || u16(bytes, 10) > 2) return refuse(RCODE.FORMERR);
  const decoded = decodeMessage(bytes);
  const question = decoded.ok ? decoded.message.questions[0] : undefined;
  if (!decoded.ok || !question) return refuse(RCODE.FORMERR);
  const query = { message: decoded.message, question };
  if (decoded.message.edns && decoded.message.edns.version > 0) return refuse(RCODE.BADVERS, query);
  if (question.class !== CLASS_IN) return refuse(RCODE.REFUSED, query);
  if (question.type === TYPE.OPT) return refuse(RCODE.FORMERR, query);
  if (question.type === TYPE.AXFR || question.type === TYPE.IXFR) return refuse(RCODE.REFUSED, query);
  return { kind: 'query', query };
}

function refuse(rcode: number, query?: Query): Admission {
  return { kind: 'refuse', rcode, query };
}

/** The largest UDP reply for this client: 512 without EDNS, else what it offers up to our own limit (RFC 6891 §6.2.5). */
export function udpLimit(message: Message, ownLimit: number): number {
  if (!message.edns) return PLAIN_UDP_LIMIT;
  return Math.max(PLAIN_UDP_LIMIT, Math.min(message.edns.udpPayloadBytes, ownLimit));
}

/** Where the question of an admitted query ends (its name cannot be compressed: nothing stands before it). */
export function questionEnd(bytes: Uint8Array): number {
  let at = HEADER_BYTES;
  for (let n = bytes[at]; n !== undefined && n !== 0; n = bytes[at]) at += n + 1;
  return at + 5;
}
