import type { UpstreamTlsPolicy } from '../../balancer/upstream-tls-policy.ts';

/** What an active check asks an endpoint. */
export type CheckProbe =
  /** GET; a redirect is not followed. */
  | {
      readonly kind: 'http';
      /** Origin form, with a slash first. */
      readonly path: string;
      /** Host header field; absent: the address. */
      readonly host?: string;
      /** Statuses that are well, inclusive ranges; absent: 200 to 399. */
      readonly statuses?: readonly (readonly [from: number, to: number])[];
      /** Over HTTP/2 with prior knowledge; absent: HTTP/1.1. */
      readonly http2?: true;
    }
  /** A connection comes about. */
  | { readonly kind: 'tcp' }
  /** grpc.health.v1.Health/Check says SERVING. */
  | { readonly kind: 'grpc'; readonly service: string };

/** How the endpoints of a service port are checked. Plain data. */
export interface CheckPolicy {
  readonly probe: CheckProbe;
  /** Another port of the instance; absent: the one that takes the requests. */
  readonly port?: number;
  /** The same by its index among the ports of the service; `port` goes first. */
  readonly portIndex?: number;
  /** Instances speak TLS at the port that is checked: it is spoken as for requests. */
  readonly tls?: UpstreamTlsPolicy;
  /** From the beginning of one check to that of the next. */
  readonly intervalMs: number;
  /** A check without a result after this long has failed. */
  readonly timeoutMs: number;
  /** So many good results in a row make an unhealthy endpoint healthy. */
  readonly rise: number;
  /** So many bad results in a row make a healthy endpoint unhealthy. The first result of all counts at once. */
  readonly fall: number;
}
