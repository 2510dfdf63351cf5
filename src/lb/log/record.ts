/*
 * What the access log says of one request or one TCP connection, and how it is handed in. Plain data that is written at
 * once and not kept, so who hands it in may use one object again and again.
 */

/** One try at an endpoint. */
export interface AccessAttempt {
  /** `address:port`. */
  readonly endpoint: string;
  /** A status, or the cause of the failure as in `rimrock_lb_upstream_failures_total`. */
  readonly outcome: string;
  /** From the pick to its outcome. */
  readonly ms: number;
}

/** What is the same for requests and connections. What is undefined is not written. */
interface CommonRecord {
  /** Address of the other end of the connection. */
  readonly client: string;
  /** Name of the listener. */
  readonly listener: string;
  readonly route: string | undefined;
  /** Key of the service. */
  readonly service: string | undefined;
  /** `address:port` and task of the endpoint that it ended at. */
  readonly endpoint: string | undefined;
  readonly task: string | undefined;
  /** All tries, where there was more than one. */
  readonly attempts: readonly AccessAttempt[] | undefined;
  /** Payload from the client and to it: bodies of requests and answers; all bytes of a TCP connection. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Milliseconds until an endpoint was chosen and had room, for the TCP connection to it (0: a kept one), and in all. */
  readonly waitMs: number | undefined;
  readonly connectMs: number | undefined;
  readonly totalMs: number;
  /** Why we answered or ended it ourselves, a code of `reasons` or the cause of a cut; undefined: all went its way. */
  readonly reason: string | undefined;
  readonly tlsVersion: string | undefined;
  readonly alpn: string | undefined;
  /** SPIFFE id of the client's certificate. */
  readonly peer: string | undefined;
}

export interface HttpRecord extends CommonRecord {
  readonly proto: 'http';
  /** The client as a trusted proxy before us tells it. */
  readonly forwardedFor: string | undefined;
  readonly method: string | undefined;
  readonly host: string | undefined;
  /** Path and query. */
  readonly target: string | undefined;
  /** 0: the client left before it got one. */
  readonly status: number;
  /** Milliseconds until the first byte of the answer came. */
  readonly firstByteMs: number | undefined;
  readonly traceId: string | undefined;
  readonly requestId: string | undefined;
}

export interface TcpRecord extends CommonRecord {
  readonly proto: 'tcp';
  /** The name that the client asked for in TLS. */
  readonly serverName: string | undefined;
}

export type AccessRecord = HttpRecord | TcpRecord;

/** Where records go. Never waits and never throws. */
export interface AccessSink {
  /**
   * Whether a record of this end is wanted: call it once per request or connection, when it is over, and make the record only
   * then. `error`: it failed on our or the instance's side (status 500 and above, a cut, no connection).
   */
  wants(error: boolean): boolean;
  /** `totalMs` ends now. */
  write(record: AccessRecord): void;
}

/** Wants nothing. */
export const NO_ACCESS_LOG: AccessSink = { wants: () => false, write: () => {} };
