import type { Resolver } from './forward/resolver.ts';
import type { DnsTransport } from './metrics.ts';
import { RCODE, emptyReply } from './wire/index.ts';
import type { Query, Reply } from './wire/index.ts';

/** A query on its way through the pipeline. */
export interface Arrival {
  readonly query: Query;
  readonly bytes: Uint8Array;
  readonly transport: DnsTransport;
  /** Of the client. */
  readonly ip: string;
}

/** What a stage makes of a query; undefined hands it to the next one. */
export type Decision =
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** Later, with a message that is complete, or with a reply when none came. */
  | { readonly kind: 'relay'; readonly outcome: Promise<Uint8Array | Reply> };

export interface Stage {
  readonly name: string;
  readonly decide: (arrival: Arrival) => Decision | undefined;
}

export interface PipelineParts {
  /** For names of ours that lead outside. */
  readonly alias: Stage;
  readonly resolver: Resolver;
  readonly externalOn: boolean;
}

/**
 * How a query is decided that the table of answers (answer/answerer.ts) does not decide, in order. What comes here was admitted and
 * is outside our zones, or leads there.
 */
export function pipeline(parts: PipelineParts): readonly Stage[] {
  return [
    // First, because the cluster's names must never leak: what comes of them is only where an alias leads.
    parts.alias,
    // Where it is allowed: from the cache or by other resolvers. It refuses what clients may not ask and nobody can answer.
    ...(parts.externalOn ? [forwardStage(parts.resolver)] : []),
    // Last: nobody above took it, and silence would make clients wait.
    { name: 'refuse', decide: () => ({ kind: 'reply', reply: emptyReply(RCODE.REFUSED) }) },
  ];
}

/** The last stage always decides. */
export function decide(stages: readonly Stage[], arrival: Arrival): Decision {
  for (const stage of stages) {
    const decision = stage.decide(arrival);
    if (decision) return decision;
  }
  return { kind: 'reply', reply: emptyReply(RCODE.REFUSED) };
}

function forwardStage(resolver: Resolver): Stage {
  return {
    name: 'forward',
    decide: ({ query, bytes, transport, ip }) => {
      return { kind: 'relay', outcome: resolver.resolve(query, bytes, transport, { ip }) };
    },
  };
}
