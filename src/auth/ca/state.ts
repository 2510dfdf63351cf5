/** A root of ours, or one that the operator brought. Times are milliseconds since the epoch. */
export interface Root {
  /** Of its key: hexadecimal, as in the certificate. */
  readonly id: string;
  /** PEM. */
  readonly certificate: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Whether its key is in our key store, so that we can sign intermediates. */
  readonly own: boolean;
}

/** What signs leaves; its key is in our key store. */
export interface Intermediate {
  readonly id: string;
  /** PEM: itself, then what stands between it and the root. */
  readonly certificate: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A root with what signs below it. */
export interface Line {
  readonly root: Root;
  readonly intermediate: Intermediate;
}

/**
 * The authority: two slots, `active` which signs and `next` which is believed already but does not sign yet, and the root that was active before.
 * No private key is in it.
 */
export interface AuthorityState {
  readonly trustDomain: string;
  /** Of the bundle; rises with each change that whoever follows it must hear of. */
  readonly sequence: number;
  readonly active: Line;
  /** When the last certificate that was issued below the active root ends, at the latest. */
  readonly activeUntilMs: number;
  readonly next?: {
    readonly root: Root;
    /** Only of a root that is not ours; below our own one it is made when it becomes active. */
    readonly intermediate?: Intermediate;
    readonly preparedMs: number;
  };
  readonly old?: {
    readonly root: Root;
    /** When the last certificate that was issued below it ends, at the latest. */
    readonly untilMs: number;
    /** Whether everybody is to renew what comes from it now. */
    readonly tainted: boolean;
  };
  /** The key of an intermediate that a foreign authority is asked to sign. */
  readonly requested?: { readonly id: string };
}

export type Command =
  /** Believe a root that is to be active later. */
  | {
      readonly kind: 'prepare';
      readonly nowMs: number;
      readonly root: Root;
      readonly intermediate?: Intermediate;
    }
  /** Never mind the root that was prepared. */
  | { readonly kind: 'discard' }
  /** Sign below the root that was prepared. `force`: also when not everybody may have heard of it. */
  | {
      readonly kind: 'activate';
      readonly nowMs: number;
      readonly intermediate?: Intermediate;
      readonly force?: boolean;
    }
  /** Have everybody renew what comes from the old root, now. */
  | { readonly kind: 'taint' }
  /** Believe the old root no more. */
  | { readonly kind: 'revoke' }
  /** Let go of the old root once nothing that is valid comes from it. */
  | { readonly kind: 'expire'; readonly nowMs: number }
  /** Sign with another intermediate below the same root. */
  | { readonly kind: 'rotate'; readonly intermediate: Intermediate }
  /** A foreign authority is asked to sign this key. */
  | { readonly kind: 'request'; readonly id: string };

export type Refusal =
  | 'AUTH_CA_PREPARED_ALREADY'
  | 'AUTH_CA_NOTHING_PREPARED'
  | 'AUTH_CA_NOT_SPREAD'
  | 'AUTH_CA_OLD_STILL_BELIEVED'
  | 'AUTH_CA_NOTHING_OLD'
  | 'AUTH_CA_NOT_TAINTED'
  | 'AUTH_CA_SAME_ROOT'
  | 'AUTH_CA_NO_INTERMEDIATE';

export type Step =
  | { readonly ok: true; readonly state: AuthorityState }
  | { readonly ok: false; readonly refusal: Refusal };

export interface AuthorityPolicy {
  /** How long everybody may take to hear of a change of the bundle. */
  readonly spreadMs: number;
  /** For how long after its end a certificate is still taken by clocks that are behind. */
  readonly skewMs: number;
}

export function begin(trustDomain: string, line: Line): AuthorityState {
  return { trustDomain, sequence: 1, active: line, activeUntilMs: line.intermediate.notAfterMs };
}

const refused = (refusal: Refusal): Step => ({ ok: false, refusal });

/** The state after a command, or why not. Each is one write, so that a crash leaves the state before or after it. */
export function step(state: AuthorityState, command: Command, policy: AuthorityPolicy): Step {
  switch (command.kind) {
    case 'prepare':
      return prepare(state, command);
    case 'activate':
      return activate(state, command, policy);
    case 'discard': {
      const { next, ...rest } = state;
      return next ? changed(rest) : refused('AUTH_CA_NOTHING_PREPARED');
    }
    case 'taint':
      if (!state.old) return refused('AUTH_CA_NOTHING_OLD');
      return state.old.tainted ? same(state) : changed({ ...state, old: { ...state.old, tainted: true } });
    case 'revoke': {
      const { old, ...rest } = state;
      if (!old) return refused('AUTH_CA_NOTHING_OLD');
      return old.tainted ? changed(rest) : refused('AUTH_CA_NOT_TAINTED');
    }
    case 'expire': {
      const { old, ...rest } = state;
      return old && command.nowMs > old.untilMs + policy.skewMs ? changed(rest) : same(state);
    }
    case 'rotate':
      return same(rotated(state, command.intermediate));
    case 'request':
      return same({ ...state, requested: { id: command.id } });
  }
}

const same = (state: AuthorityState): Step => ({ ok: true, state });
const changed = (state: AuthorityState): Step => same({ ...state, sequence: state.sequence + 1 });

function prepare(state: AuthorityState, command: Extract<Command, { kind: 'prepare' }>): Step {
  if (state.next) return refused('AUTH_CA_PREPARED_ALREADY');
  const { root, intermediate, nowMs } = command;
  if ([state.active.root.id, state.old?.root.id].includes(root.id)) return refused('AUTH_CA_SAME_ROOT');
  if (!root.own && !intermediate) return refused('AUTH_CA_NO_INTERMEDIATE');
  const { requested, ...rest } = state;
  const keeps = requested && requested.id !== intermediate?.id ? { requested } : {};
  return changed({
    ...rest,
    ...keeps,
    next: { root, preparedMs: nowMs, ...(intermediate ? { intermediate } : {}) },
  });
}

function activate(
  state: AuthorityState,
  command: Extract<Command, { kind: 'activate' }>,
  policy: AuthorityPolicy,
): Step {
  const { next, ...rest } = state;
  if (!next) return refused('AUTH_CA_NOTHING_PREPARED');
  if (state.old) return refused('AUTH_CA_OLD_STILL_BELIEVED');
  if (command.force !== true && command.nowMs < next.preparedMs + policy.spreadMs)
    return refused('AUTH_CA_NOT_SPREAD');
  const intermediate = next.intermediate ?? command.intermediate;
  if (!intermediate) return refused('AUTH_CA_NO_INTERMEDIATE');
  return changed({
    ...rest,
    active: { root: next.root, intermediate },
    activeUntilMs: intermediate.notAfterMs,
    old: { root: state.active.root, untilMs: state.activeUntilMs, tainted: false },
  });
}

function rotated(state: AuthorityState, intermediate: Intermediate): AuthorityState {
  const { requested, ...rest } = state;
  const keeps = requested && requested.id !== intermediate.id ? { requested } : {};
  return {
    ...rest,
    ...keeps,
    active: { ...state.active, intermediate },
    activeUntilMs: Math.max(state.activeUntilMs, intermediate.notAfterMs),
  };
}

/** Who is believed: whoever signs, whoever will, and whoever did as long as something of it is valid. */
export function rootsOf({ active, next, old }: AuthorityState): readonly Root[] {
  return [active.root, ...(next ? [next.root] : []), ...(old ? [old.root] : [])];
}

export const rootKeyName = (id: string): string => `ca-root-${id}`;
export const intermediateKeyName = (id: string): string => `ca-intermediate-${id}`;

/** The keys that are needed, by their names in the key store. The old root's is not: it signs no more. */
export function keysOf({ active, next, requested }: AuthorityState): ReadonlySet<string> {
  const names = new Set([intermediateKeyName(active.intermediate.id)]);
  for (const root of next ? [active.root, next.root] : [active.root])
    if (root.own) names.add(rootKeyName(root.id));
  if (next?.intermediate) names.add(intermediateKeyName(next.intermediate.id));
  if (requested) names.add(intermediateKeyName(requested.id));
  return names;
}
