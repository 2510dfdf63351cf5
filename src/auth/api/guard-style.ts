import type { Authorizer } from '../../core/access.ts';
import { pathOf } from '../../core/http/guard.ts';
import type { GuardStyle } from '../../core/http/guard.ts';
import type { ApiRequest } from '../../core/http/server.ts';
import { PATHS } from '../join/messages.ts';
import { SUPERUSERS } from '../people/records.ts';
import { refusals } from '../people/refusals.ts';
import type { IamRefusal } from '../people/refusals.ts';
import { IAM, sendRefusal } from './iam-context.ts';
import { POLICY } from './policy-routes.ts';
import { SIGN_ROUTES } from './sign-routes.ts';

/** What needs no login even where everything else does: to log in, and to judge what others present. */
const CA = '/ca/v1/';
const ALWAYS_OPEN = [
  `${IAM}/auth/`,
  `${CA}bundle`,
  PATHS.join,
  PATHS.renew,
  PATHS.news,
  SIGN_ROUTES.news,
  SIGN_ROUTES.jwks,
  SIGN_ROUTES.discovery,
];

/** What agents ask for their tasks: the routes themselves find out for which tasks. */
const FOR_AGENTS: ReadonlySet<string> = new Set([SIGN_ROUTES.sign, SIGN_ROUTES.signJwt]);

/** Who may change authority and policy: superusers, whatever the policy says, which could otherwise shut everybody out of itself. */
export const GOVERNORS: Authorizer = {
  decide: ({ subject }) => ({ allowed: subject.groups.includes(SUPERUSERS), rule: SUPERUSERS, version: 0 }),
};

/**
 * The guard of the identity API, with GOVERNORS for an authorizer. Accounts, and changes of the policy, always take a login: what anybody could change when logins are
 * not required would decide who gets in when they are.
 */
export function identityGuard(settings: { readonly required: boolean }): GuardStyle {
  return {
    open: (request) => {
      const path = pathOf(request);
      if (ALWAYS_OPEN.some((open) => path.startsWith(open))) return true;
      return !settings.required && !path.startsWith(IAM) && !(path.startsWith(POLICY) && isWrite(request));
    },
    asks: (request) => {
      const path = pathOf(request);
      if (FOR_AGENTS.has(path)) return undefined;
      const governs = (path.startsWith(POLICY) || path.startsWith(CA)) && isWrite(request);
      return governs ? { action: 'govern', object: path } : undefined;
    },
    refuse: (_request, reply, { status, code, why }) => sendRefusal(reply, refusalOf(status, code, why)),
  };
}

function refusalOf(status: number, code: string, why: string): IamRefusal {
  if (code === 'credentials-missing') return refusals.loginNeeded(why);
  if (code === 'cross-site') return refusals.crossSite(why);
  if (status === 403) return refusals.forbidden(why);
  if (status === 429) return refusals.slowDown(why);
  return refusals.credentials(`${why} (${code})`);
}

function isWrite({ method }: ApiRequest): boolean {
  return method !== 'GET' && method !== 'HEAD';
}
