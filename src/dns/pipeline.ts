import type { ClusterZoneHandler } from './handlers/cluster-zone.ts';
import type { Forwarder } from './handlers/forward.ts';
import type { DnsTransport } from './metrics.ts';
import { EDE, RCODE, emptyReply } from './wire/index.ts';
import type { Query, Reply } from './wire/index.ts';

/** A query on its way through the pipeline. `bytes` is valid during the call only. */
export interface Arrival {
  readonly query: Query;
  readonly bytes: Uint8Array;
  readonly transport: DnsTransport;
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
  readonly clusterZone: ClusterZoneHandler;
  readonly forwarder: Forwarder;
  readonly externalOn: boolean;
}

/**
 * How a query is decided, in order. (Before it, `admit` in wire/query.ts refuses what is not one plain question, because nothing
 * below could read it.)
 */
export function pipeline(parts: PipelineParts): readonly Stage[] {
  return [
    // The cluster's names are ours alone: they must never leak to other resolvers, so this comes before forwarding.
    { name: 'cluster-zone', decide: ({ query }) => replied(parts.clusterZone.answer(query)) },
    // Everything else, where it is allowed and there is somebody to ask; zone resolvers before the general ones.
    ...(parts.externalOn ? [forwardStage(parts.forwarder)] : []),
    // Last: nobody above took it, and silence would make clients wait.
    { name: 'refuse', decide: () => replied(emptyReply(RCODE.REFUSED)) },
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

function replied(reply: Reply | undefined): Decision | undefined {
  return reply && { kind: 'reply', reply };
}

function forwardStage(forwarder: Forwarder): Stage {
  const failed = emptyReply(RCODE.SERVFAIL, { recursionAvailable: true, ede: EDE.NO_REACHABLE_AUTHORITY });
  return {
    name: 'forward',
    decide: ({ query, bytes, transport }) => {
      if (forwarder.resolversFor(query.question.name).length === 0) return undefined;
      const outcome = forwarder.ask(query, bytes, transport).then((reply) => reply ?? failed);
      return { kind: 'relay', outcome };
    },
  };
}
