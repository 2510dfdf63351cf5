import type { OutsideView } from '../forward/resolver.ts';

/** What `GET /explain` says about one question. */
export interface Explanation {
  readonly question: {
    /** As it was asked. */
    readonly asked: string;
    /** What the server looks up: lower-case, without `.*`, alias zones replaced. */
    readonly name: string;
    readonly type: string;
    readonly client: string | undefined;
  };
  /** The zone of ours that holds the name; undefined for a name outside. */
  readonly zone: string | undefined;
  /** Undefined for names outside that nothing here answers. */
  readonly answer: ExplainedAnswer | undefined;
  /** Types of the records at the name. */
  readonly types: readonly string[];
  /** Services of that name, whether or not anything of them runs. */
  readonly services: readonly ExplainedService[];
  /** Tasks that could answer under this name, and do not. */
  readonly leftOut: readonly LeftOutTask[];
  /** How many more of these there are. */
  readonly leftOutMore: number;
  /** Names that exist and look much the same; only where this one does not exist. */
  readonly near: readonly string[];
  /** What was set aside, as far as it has to do with the name. */
  readonly rejected: readonly ExplainedRejection[];
  /** What becomes of a name outside: of the one asked for, or of where its aliases lead. */
  readonly outside: (OutsideView & { readonly name: string }) | undefined;
}

export interface ExplainedAnswer {
  readonly rcode: string;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  /** From the last known state, for the master cannot be followed. */
  readonly stale: boolean;
  /** False while no state of the cluster is known. */
  readonly ready: boolean;
  /** How many records there are, where an answer has at most so many. */
  readonly limit: { readonly answers: number; readonly of: number } | undefined;
  readonly records: readonly ExplainedRecord[];
  /** How many more records there are in the answer. */
  readonly recordsMore: number;
}

export interface ExplainedRecord {
  readonly name: string;
  readonly type: string;
  readonly ttlSeconds: number;
  readonly data: string;
  /** What gives this record; several may. Empty: nothing that is known any more. */
  readonly from: readonly Origin[];
  /** How many more origins there are. */
  readonly fromMore: number;
}

export type Origin =
  | ({ readonly kind: 'task' } & ExplainedTask)
  | { readonly kind: 'framework'; readonly id: string; readonly name: string }
  | { readonly kind: 'agent'; readonly id: string; readonly hostname: string }
  | { readonly kind: 'master'; readonly address: string; readonly leads: boolean }
  | { readonly kind: 'vip'; readonly backends: readonly string[] }
  /** A record of the config. */
  | { readonly kind: 'static' }
  /** This server's own name, or the zone itself. */
  | { readonly kind: 'zone' };

export interface ExplainedTask {
  readonly id: string;
  readonly service: string;
  readonly framework: string;
  readonly agent: string;
  readonly hostname: string;
  readonly state: string;
  /** Verdict of its own check; null without one. */
  readonly healthy: boolean | null;
}

export interface LeftOutTask extends ExplainedTask {
  readonly why:
    | 'not-running'
    | 'agent-unknown'
    | 'being-killed'
    | 'unhealthy'
    | 'no-address'
    | 'no-record-of-type'
    | 'cannot-be-said'
    | 'table-full'
    | 'answer-limit'
    | 'did-not-fit'
    | 'not-yet';
  /** For a person. */
  readonly detail: string;
}

export interface ExplainedService {
  readonly key: string;
  /** Its framework says that it is to be there. */
  readonly declared: boolean;
  readonly instances: number;
}

export interface ExplainedRejection {
  readonly kind: string;
  readonly id: string;
  readonly reason: string;
}
