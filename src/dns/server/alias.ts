import type { DnsTransport } from '../metrics.ts';
import type { Stage } from '../pipeline.ts';
import {
  EDE,
  OPCODE_QUERY,
  RCODE,
  TYPE,
  admit,
  copyOf,
  decodeMessage,
  emptyReply,
  encodeMessage,
  textOfName,
} from '../wire/index.ts';
import type { Message, Query, Reply, ResourceRecord } from '../wire/index.ts';

export interface AliasParts {
  /** What our own table says of a message, whoever else would be asked. */
  readonly local: (bytes: Uint8Array) => Uint8Array;
  /** Whether an absolute lower-case name is in a zone of ours. */
  readonly isOurs: (name: string) => boolean;
  /** Whether a client gets answers for names outside. */
  readonly mayAsk: (ip: string) => boolean;
  /** Asks somebody for a name outside. */
  readonly outside: (
    query: Query,
    bytes: Uint8Array,
    transport: DnsTransport,
    client: { readonly ip: string },
  ) => Promise<Uint8Array>;
}

/**
 * A name of ours that is an alias of one elsewhere: clients that cannot follow it themselves (all stub resolvers) get both
 * together, as RFC 1034 §4.3.2 has it for servers that offer recursion. Others get the alias alone.
 *
 * Of names of ours nobody else is ever asked. A chain that outside comes back to a name of its own ends there, and what
 * resolvers ask us while we ask them for the same name joins the question that is under way: no loop grows.
 */
export function aliasStage(parts: AliasParts): Stage {
  return {
    name: 'alias',
    decide: ({ query, bytes, transport, ip }) => {
      if (!parts.isOurs(query.question.name.toLowerCase())) return undefined;
      const said = decodeMessage(copyOf(parts.local(bytes)));
      if (!said.ok) return { kind: 'reply', reply: emptyReply(RCODE.SERVFAIL) };
      const own = ownReply(said.message);
      const last = own.answers.at(-1);
      const target = last?.type === TYPE.CNAME ? textOfName(last.rdata).toLowerCase() : undefined;
      // The table has changed since: what it says now is the answer.
      if (target === undefined || parts.isOurs(target)) return { kind: 'reply', reply: own };
      if (!parts.mayAsk(ip)) return { kind: 'reply', reply: { ...own, ede: EDE.PROHIBITED } };
      return { kind: 'relay', outcome: follow(parts, { query, transport, ip }, own, target) };
    },
  };
}

function ownReply(said: Message): Reply {
  const { rcode, authoritative, recursionAvailable, answers, authority, additional } = said;
  return emptyReply(rcode, { authoritative, recursionAvailable, answers, authority, additional });
}

async function follow(
  parts: AliasParts,
  asker: { readonly query: Query; readonly transport: DnsTransport; readonly ip: string },
  own: Reply,
  target: string,
): Promise<Reply> {
  const partial = { ...own, authoritative: true, recursionAvailable: true };
  const said = await ask(parts, asker, target);
  if (!said || (said.rcode !== RCODE.NOERROR && said.rcode !== RCODE.NXDOMAIN))
    return { ...partial, ede: EDE.NO_REACHABLE_AUTHORITY };
  const owners = new Set(own.answers.map((r) => r.name.toLowerCase()));
  if (said.answers.some((r) => comesBack(r, owners))) return { ...partial, ede: EDE.NO_REACHABLE_AUTHORITY };
  const { rcode, answers, authority, truncated } = said;
  return { ...partial, rcode, answers: [...own.answers, ...answers], authority, truncated };
}

/** All of the answer: what is too much for a datagram is fetched again as if for TCP. How much the client takes is seen to later. */
async function ask(
  parts: AliasParts,
  { query, transport, ip }: { readonly query: Query; readonly transport: DnsTransport; readonly ip: string },
  target: string,
): Promise<Message | undefined> {
  const bytes = questionFor(target, query);
  const asked = admit(bytes);
  if (asked.kind !== 'query') return undefined;
  const over = async (by: DnsTransport): Promise<Message | undefined> => {
    const decoded = decodeMessage(await parts.outside(asked.query, bytes, by, { ip }));
    return decoded.ok ? decoded.message : undefined;
  };
  const first = await over(transport);
  if (first?.truncated !== true || transport === 'tcp') return first;
  const whole = await over('tcp');
  return whole && !isFailure(whole) ? whole : first;
}

function isFailure({ rcode }: Message): boolean {
  return rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN;
}

function comesBack(record: ResourceRecord, owners: ReadonlySet<string>): boolean {
  return record.type === TYPE.CNAME && owners.has(textOfName(record.rdata).toLowerCase());
}

function questionFor(name: string, query: Query): Uint8Array {
  const { message, question } = query;
  const encoded = encodeMessage({
    ...message,
    opcode: OPCODE_QUERY,
    questions: [{ ...question, name }],
    answers: [],
    authority: [],
    additional: [],
  });
  return copyOf(encoded.bytes);
}
