/** How somebody has proved who it is. */
export type SubjectKind =
  /** Nobody said. */
  | 'anonymous'
  /** A person with an account: `name` is the uid. */
  | 'user'
  /** A service account: `name` is the uid. */
  | 'service'
  /** A Mesos principal (HTTP Basic): `name` is the principal. */
  | 'principal'
  /** A process with a certificate: `name` is the SPIFFE id. */
  | 'workload';

/** Who asks. */
export interface Subject {
  readonly kind: SubjectKind;
  /** Empty for `anonymous`. */
  readonly name: string;
  readonly groups: readonly string[];
  /** Where it asks from, an IP address as text, where that is told: of clients of DNS. */
  readonly address?: string;
}

export const ANONYMOUS: Subject = { kind: 'anonymous', name: '', groups: [] };

/** What somebody wants to do. */
export interface AccessRequest {
  readonly subject: Subject;
  /** What it wants to do: `run_tasks` (the actions of Mesos), `marathon:update`, `call`, `lb:view` … */
  readonly action: string;
  /** With what: a role, a user, an app's path, a service or route. Empty where there is nothing to name. */
  readonly object: string;
  /** Another name of the same object: `route:<id>` of a service that is called. */
  readonly alias?: string;
  /** Of HTTP calls to services. */
  readonly method?: string;
  readonly path?: string;
}

export interface Verdict {
  readonly allowed: boolean;
  /** The name of the rule that decided, or `default`. */
  readonly rule: string;
  /** Of the policy that decided; rises with each change. */
  readonly version: number;
}

/** The policy, as rooms ask it. Never throws, never waits: it is asked for every request. */
export interface Authorizer {
  decide(request: AccessRequest): Verdict;
}

/** An authorizer that can also be asked what it would say: that is counted and logged nowhere. */
export interface PreviewingAuthorizer extends Authorizer {
  preview(request: AccessRequest): Verdict;
}

/** What came with an HTTP request that may prove who sent it. */
export interface Proof {
  /** The field `authorization`, where there was one. */
  readonly authorization?: string;
  /** The field `cookie`. */
  readonly cookie?: string;
  /** The id of the peer's certificate, once it has been verified. */
  readonly spiffeId?: string;
  /** Where the request came from, for the throttling of guesses. */
  readonly address: string;
}

export type Authentication =
  | { readonly kind: 'subject'; readonly subject: Subject }
  /** What was sent proves nothing; `code` says why, `retryAfterMs` when guesses are throttled. */
  | { readonly kind: 'refused'; readonly code: string; readonly retryAfterMs?: number };

/** Tells who sent a request. Nothing sent is ANONYMOUS, not a refusal. */
export interface Authenticator {
  authenticate(proof: Proof): Promise<Authentication>;
}

/** What one subject may do with what, for the length of one request. */
export type May = (action: string, object: string) => boolean;

export const MAY_ALL: May = () => true;

/** Each question is asked once, however many things of a list it is asked for. */
export function mayOf(authorizer: Authorizer | undefined, subject: Subject): May {
  if (authorizer === undefined) return MAY_ALL;
  const known = new Map<string, boolean>();
  return (action, object) => {
    const key = `${action} ${object}`;
    let allowed = known.get(key);
    if (allowed === undefined)
      known.set(key, (allowed = authorizer.decide({ subject, action, object }).allowed));
    return allowed;
  };
}
