import type { Policy } from '../../core/policy/types.ts';
import type { Eligibility, Endpoint, EndpointChange } from '../balancer/index.ts';
import type { BackendPolicy } from '../balancer/policy.ts';
import type { LbConfig } from '../config.ts';
import type { BucketMemory } from '../middleware/token-buckets.ts';
import type { Route } from '../router/index.ts';
import type { TcpNumbers } from '../tcp/stats.ts';
import type { Http2Numbers } from './http2-numbers.ts';

/*
 * What crosses between the main thread and a plane. Plain data only: everything here survives structuredClone. The
 * main thread sends differences, each small enough that taking it in takes no time, and a new plane the whole as a row of
 * differences from nothing; `listen` comes after them.
 */

/** What a plane starts with. */
export interface PlaneSetup {
  /** Limits that hold for all planes together are this plane's share in here (see `shareOf`). */
  readonly config: LbConfig;
  readonly planes: number;
  /** Connections of all planes, see `SharedCounts`. */
  readonly counts: SharedArrayBuffer;
  /** Of the rate limits of all planes. */
  readonly rates: BucketMemory;
}

/** A port of a service, as the planes need it. */
export interface BackendSpec {
  /** `<service key>#<port index>`. */
  readonly key: string;
  readonly serviceKey: string;
  /** There are instances, whether they take requests or not. */
  readonly hasInstances: boolean;
  readonly endpoints: readonly Endpoint[];
  readonly policy: BackendPolicy;
}

/** What has changed in a backend that the plane knows. One that is large comes without endpoints, and these follow. */
export interface BackendChange extends EndpointChange {
  readonly key: string;
  readonly hasInstances: boolean;
  /** Absent: as before. */
  readonly policy?: BackendPolicy;
}

/** Where a plane listens. */
export interface ListenerSpec {
  /** Stable name: `http`, `https`, `port:10000`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: 'http' | 'https' | 'tcp' | 'tls';
  /** In an order to one plane: sockets that listen there already, its to own. */
  readonly descriptors?: readonly number[];
}

/** A certificate and the names it is chosen for (SNI); the one named `*` serves where none fits. */
export interface CertificateSpec {
  readonly name: string;
  /** Exact names and `*.suffix`. */
  readonly hosts: readonly string[];
  /** PEM. */
  readonly certificateChain: string;
  readonly privateKey: string;
}

/** An authority by which certificates of clients or instances are judged. */
export interface AuthoritySpec {
  readonly name: string;
  /** PEM, one or more. */
  readonly roots: string;
}

/** Who we are towards instances, and whom we believe. */
export interface IdentitySpec {
  /** SPIFFE id. */
  readonly id: string;
  readonly trustDomain: string;
  /** PEM. */
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly roots: string;
}

/** What shows an authority that a name is ours (RFC 8555 §8.3, RFC 8737). */
export type ChallengeSpec =
  | {
      readonly kind: 'http-01';
      /** The host that it is asked at. */
      readonly name: string;
      readonly token: string;
      /** The whole body of the answer. */
      readonly authorization: string;
    }
  | {
      readonly kind: 'tls-alpn-01';
      readonly name: string;
      /** PEM. */
      readonly certificateChain: string;
      readonly privateKey: string;
    };

export type PlaneOrder =
  | {
      readonly kind: 'update';
      /** Rising; told back as `applied`. */
      readonly version: number;
      /** Routes are known: before that a missing route says nothing about the cluster. */
      readonly ready: boolean;
      /** `gone` by id; one that changes goes and comes. */
      readonly routes: { readonly gone: readonly string[]; readonly come: readonly Route[] };
      /** `set` are new, or to be taken as if they were; then `changed`; absent: none. */
      readonly backends: {
        readonly gone: readonly string[];
        readonly set: readonly BackendSpec[];
        readonly changed?: readonly BackendChange[];
      };
    }
  /** The listeners there shall be: those that are not named stop accepting, new ones open. */
  | { readonly kind: 'listen'; readonly listeners: readonly ListenerSpec[] }
  /** All certificates; what did not change is kept. Ticket keys are 48 bytes each, the first encrypts. */
  | {
      readonly kind: 'certificates';
      readonly certificates: readonly CertificateSpec[];
      readonly ticketKeys: readonly Uint8Array[];
      /** Absent: none. */
      readonly authorities?: readonly AuthoritySpec[];
      /** Absent: none was issued yet. */
      readonly identity?: IdentitySpec;
    }
  /** The challenges that are under way, and no others; told back as `challenges`. */
  | { readonly kind: 'challenges'; readonly version: number; readonly challenges: readonly ChallengeSpec[] }
  /** Who may call which service from now on; undefined: everybody may, which costs nothing. */
  | { readonly kind: 'policy'; readonly policy: Policy | undefined }
  /** A question that only a plane can answer; `answer` comes back with the same id. */
  | { readonly kind: 'ask'; readonly id: number; readonly question: PlaneQuestion }
  /** So many lines of the access log have been written, or given up. */
  | { readonly kind: 'taken'; readonly lines: number }
  /**
   * Stop accepting, let running requests finish until the deadline, then cut the rest; ends with `drained`. Connections that
   * are idle end with the answer to their next request, those that have none within `idleMs` without it.
   */
  | { readonly kind: 'drain'; readonly deadlineMs: number; readonly idleMs: number };

export type PlaneUpdate = Extract<PlaneOrder, { readonly kind: 'update' }>;

export type PlaneQuestion =
  /** The endpoints of these backends as they are now: `LiveBackend[]`. Not more than a hundred at a time. */
  | { readonly ask: 'backends'; readonly keys: readonly string[] }
  /** Tell `numbers` now; they come before this answer, which is `true`. */
  | { readonly ask: 'numbers' }
  /** What `explain` says of such a request. */
  | {
      readonly ask: 'explain';
      readonly method: string;
      readonly url: string;
      readonly headers: readonly string[];
      /** Name of the listener that it comes by; the scheme of `url` unless said. */
      readonly listener?: string;
      /** Address of the client; 127.0.0.1 unless said. */
      readonly client?: string;
      /** SPIFFE id of the client's certificate; none unless said. */
      readonly peer?: string;
    };

/** Endpoints of one backend with requests in flight and whether each would be picked. */
export interface LiveBackend {
  readonly key: string;
  readonly endpoints: readonly LiveEndpoint[];
}

export interface LiveEndpoint {
  readonly key: string;
  readonly inFlight: number;
  /** Of these, requests that wait for a connection. */
  readonly waiting: number;
  readonly eligibility: Eligibility;
}

/** Counts since the last message; sums over planes and time are the main thread's. */
export interface PlaneNumbers {
  /** Open now. */
  readonly connections: number;
  readonly http2: Http2Numbers;
  readonly ownAnswers: readonly (readonly [reason: string, count: number])[];
  /** Of TLS with clients: `full`, `resumed`, `failed`. */
  readonly handshakes: readonly (readonly [outcome: string, count: number])[];
  readonly services: readonly (readonly [backendKey: string, numbers: ServiceNumbers])[];
  readonly tcp: readonly (readonly [backendKey: string, numbers: TcpNumbers])[];
}

export interface ServiceNumbers {
  readonly classes: readonly number[];
  readonly latency: readonly number[];
  readonly latencySum: number;
  readonly firstBytes: readonly number[];
  readonly firstByteSum: number;
  readonly retries: number;
  readonly cancelled: number;
  readonly truncated: number;
  readonly panics: number;
  /** Instances left out for their failures. */
  readonly ejections: number;
  /** Bodies of requests and answers. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Requests that wait for an instance now, and the most at a time since this was told last. */
  readonly waiting: number;
  readonly mostWaiting: number;
  /** Answers of our own in place of this service's, by reason. */
  readonly ownAnswers: readonly (readonly [reason: string, count: number])[];
  readonly failures: readonly (readonly [cause: string, count: number])[];
}

export type PlaneWord =
  /** Every request from now on goes by this version. `tookMs`: the time this took the plane. */
  | { readonly kind: 'applied'; readonly version: number; readonly tookMs: number }
  /** Challenges are answered by this version from the next connection on. */
  | { readonly kind: 'challenges'; readonly version: number }
  | { readonly kind: 'listening'; readonly name: string; readonly ip: string; readonly port: number }
  /** `code` is the system's (EADDRINUSE), where there is one. */
  | {
      readonly kind: 'listen-failed';
      readonly name: string;
      readonly code: string | undefined;
      readonly reason: string;
    }
  | { readonly kind: 'numbers'; readonly numbers: PlaneNumbers }
  /** Lines of the access log, each with its newline, and how many there was no room for. */
  | { readonly kind: 'access'; readonly text: string; readonly lines: number; readonly dropped: number }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  /** The plane's work is done; its thread ends. */
  | { readonly kind: 'drained'; readonly cut: number };
