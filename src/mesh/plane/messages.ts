import type { IdentityContext } from '../../core/identity.ts';
import type { MtlsMode } from '../../core/mesh-labels.ts';
import type { Policy } from '../../core/policy/types.ts';

/** What a plane has from its beginning. Times in milliseconds. */
export interface MeshSetup {
  readonly counts: SharedArrayBuffer;
  readonly handshakeMs: number;
  readonly connectMs: number;
  readonly idleMs: number;
  readonly maxConnections: number;
}

/** A published port, before which the plane stands. */
export interface GuardSpec {
  readonly host: string;
  readonly port: number;
  /** Where the task itself listens, at 127.0.0.1. */
  readonly own: number;
  readonly mode: Exclude<MtlsMode, 'off'>;
  /** What callers are judged for: the key of the service. */
  readonly service: string;
}

/** A port of this machine at which a task reaches a service. */
export interface OutletSpec {
  readonly port: number;
  /** Key of its endpoints; undefined: the address in 127.0.0.0/8 at which a caller has come is the key. */
  readonly upstream: string | undefined;
}

export interface EndpointSpec {
  readonly ip: string;
  readonly port: number;
  /** Who must be there: a SPIFFE id. */
  readonly id: string;
}

/** All that crosses to a plane. `task` tells tasks apart. */
export type MeshOrder =
  | {
      readonly kind: 'open';
      readonly task: string;
      readonly sequence: number;
      readonly identity: IdentityContext | undefined;
      readonly guards: readonly GuardSpec[];
      readonly outlets: readonly OutletSpec[];
    }
  | { readonly kind: 'identity'; readonly task: string; readonly identity: IdentityContext }
  | { readonly kind: 'close'; readonly task: string }
  | { readonly kind: 'endpoints'; readonly upstream: string; readonly endpoints: readonly EndpointSpec[] }
  | { readonly kind: 'policy'; readonly policy: Policy | undefined };

/** All that comes back: whether the listeners of the `open` with that sequence are there. */
export interface MeshWord {
  readonly sequence: number;
  readonly problem: string | undefined;
}
