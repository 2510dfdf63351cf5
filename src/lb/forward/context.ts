import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Reactor, Transport } from '../../net/index.ts';
import type { BackendPolicy, Balancer, Endpoint } from '../balancer/index.ts';
import type { LbConfig } from '../config.ts';
import type { BodyReader, HeadWriter, ResponseParser } from '../http1/index.ts';
import type { ServiceStats } from '../metrics.ts';
import type { AccessSink } from '../log/record.ts';
import type { ReasonCode } from '../reasons.ts';
import type { Connector, UpstreamConnection, UpstreamPool } from '../upstream/index.ts';
import type { ClientFacts, FieldFilter } from './heads.ts';
import type { Hops } from './hops.ts';
import type { RetryBudget } from './retry.ts';

/** One port of one service: its endpoints and what is known of them. */
export interface Backend {
  /** `<service key>#<port index>`. */
  readonly key: string;
  readonly serviceKey: string;
  readonly policy: BackendPolicy;
  readonly balancer: Balancer;
  /** Of its own, so that one service that fails does not use up what others may need. */
  readonly budget: RetryBudget;
  readonly stats: ServiceStats;
  /** There are instances, whether they take requests or not. */
  readonly hasInstances: boolean;
  /** How its instances are reached with requests, and with bytes of whatever kind. */
  readonly connector: Connector;
  readonly byteConnector: Connector;
  pool(endpoint: Endpoint): UpstreamPool<UpstreamConnection>;
  /** Why the last connection to it did not come about; undefined: it did, or there was none. */
  failure(endpoint: Endpoint): Error | undefined;
  /** Requests that wait for a connection to the endpoint of this key. */
  waitingAt(endpointKey: string): number;
}

/** What all exchanges of one load balancer share. Parsers and writers hold one message for the length of one call. */
export interface ForwardContext {
  readonly config: LbConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly reactor: Reactor;
  readonly responses: ResponseParser;
  readonly writer: HeadWriter;
  readonly filter: FieldFilter;
  readonly hops: Hops;
  readonly access: AccessSink;
  /** Our own fault domain, whose instances are preferred. */
  readonly zone?: string | undefined;
  /** Requests that wait for an instance to come up. */
  waiting: number;
  /** The load balancer is stopping: answers tell clients to close. */
  draining: boolean;
}

/** What a connection can be waiting for; when the time is over, its owner is told which it was. */
export type DeadlineKind =
  | 'none'
  | 'head'
  | 'idle'
  | 'body'
  | 'queue'
  | 'first-byte'
  | 'stream'
  | 'tunnel'
  | 'linger';

/** The client's connection as an exchange sees it. */
export interface ClientSide {
  readonly transport: Transport;
  readonly facts: ClientFacts;
  /** Name of the listener that it came by. */
  readonly listener: string;
  /** The client has finished its side. */
  readonly halfClosed: boolean;
  /** What was written last has not left yet; set by who writes, cleared when it has. */
  blocked: boolean;
  /** Readers that the connection lends to its running exchange. */
  readonly requestBody: BodyReader;
  readonly responseBody: BodyReader;
  /** Replace the deadline. `at`: monotonic milliseconds. */
  setDeadline(kind: DeadlineKind, at: number): void;
  /** The request body is being read again after a pause: its least rate counts from now. */
  awaitBody(): void;
  /** Answer in our own name. */
  answer(reason: ReasonCode, detail?: string): void;
  /** The exchange is over; `keepAlive`: the connection can take another request. */
  exchangeDone(keepAlive: boolean): void;
  /** Hand the connection over to an upgraded protocol. */
  tunnel(tunnel: ClientTunnel): void;
}

/** What an upgraded connection tells its tunnel. */
export interface ClientTunnel {
  onClientData(bytes: Uint8Array): void;
  onClientEnd(): void;
  onClientBlocked(): void;
  onClientDrain(): void;
  onClientClose(): void;
  onDeadline(): void;
  /** The load balancer stops soon. */
  goAway(): void;
}

/** Memory for heads: short-lived, so cut from Node's pool. */
export const alloc = (size: number): Uint8Array => Buffer.allocUnsafe(size);
