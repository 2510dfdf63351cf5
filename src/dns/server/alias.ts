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
import type { Query, Reply, ResourceRecord } from '../wire/index.ts';

export interface AliasParts {
  /** What our own table says of a message, whoever else would be asked. */
  readonly local: (bytes: Uint8Array) => Uint8Array;
  /** Whether an absolute lower-case name is in a zone of ours. */
  readonly isOurs: (name: string) => boolean;
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
 * together, as RFC 1034 §4.3.2 has it for servers that offer recursion.
 */
export function aliasStage(parts: AliasParts): Stage {
  return {
    name: 'alias',
    decide: ({ query, bytes, transport, ip }) => {
      if (!parts.isOurs(query.question.name.toLowerCase())) return undefined;
      const said = decodeMessage(copyOf(parts.local(bytes)));
      const chain = said.ok ? said.message.answers : [];
      const last = chain.at(-1);
      if (last?.type !== TYPE.CNAME)
        return { kind: 'reply', reply: emptyReply(said.ok ? said.message.rcode : RCODE.SERVFAIL) };
      return { kind: 'relay', outcome: follow(parts, query, transport, ip, chain, last) };
    },
  };
}

async function follow(
  parts: AliasParts,
  query: Query,
  transport: DnsTransport,
  ip: string,
  chain: readonly ResourceRecord[],
  last: ResourceRecord,
): Promise<Reply> {
  const bytes = questionFor(textOfName(last.rdata), query);
  const asked = admit(bytes);
  const answer =
    asked.kind === 'query'
      ? decodeMessage(await parts.outside(asked.query, bytes, transport, { ip }))
      : undefined;
  const partial = { authoritative: true, recursionAvailable: true, answers: chain };
  if (!answer?.ok || (answer.message.rcode !== RCODE.NOERROR && answer.message.rcode !== RCODE.NXDOMAIN))
    return emptyReply(RCODE.NOERROR, { ...partial, ede: EDE.NO_REACHABLE_AUTHORITY });
  const { rcode, answers, authority } = answer.message;
  return emptyReply(rcode, { ...partial, answers: [...chain, ...answers], authority });
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
