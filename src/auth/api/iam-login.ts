import { z } from 'zod';
import { isSameOrigin } from '../../core/http/guard.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import { loginCookies, logoutCookies } from '../people/cookies.ts';
import { isRefusal, refusals } from '../people/refusals.ts';
import { body, claimsOf, IAM, iamRoutes } from './iam-context.ts';
import type { IamAnswer, IamContext } from './iam-context.ts';

const login = z.strictObject({
  // Attempts are counted by it, also for accounts that are not there: no account is called longer.
  uid: z.string().max(128).optional(),
  password: z.string().optional(),
  token: z.string().optional(),
  new_password: z.string().optional(),
  /** Sent by clients of DC/OS. */
  exp: z.number().optional(),
});

/** Login, logout, how one can log in, and the keys that tokens are judged with. Open to everybody. */
export function addLoginRoutes(api: Api, context: IamContext): void {
  const route = iamRoutes(api, context);
  route('POST', '/auth/login', (request, reply) => logIn(context, request, reply));
  route('GET', '/auth/providers', async () => ({ done: 200, body: PROVIDERS }));
  route('GET', '/auth/jwks', async (_request, reply) => {
    void reply.header('cache-control', 'max-age=60');
    return { done: 200, body: context.keys.jwks() };
  });
  for (const method of ['GET', 'POST'] as const)
    route(method, '/auth/logout', (request, reply) => logOut(context, request, reply));
}

async function logIn(context: IamContext, request: ApiRequest, reply: ApiReply): Promise<IamAnswer> {
  // A page of another site could otherwise log its visitor in as somebody else.
  if (!isSameOrigin(request, true)) return refusals.crossSite('a page of another site cannot log anybody in');
  const asked = body(request, login);
  if (isRefusal(asked)) return asked;
  const { uid, password, token, new_password: newPassword } = asked;
  if (token === undefined && uid === undefined) return refusals.invalid('uid: is missing');
  if (token === undefined && password === undefined) return refusals.invalid('password: is missing');
  if (token !== undefined && password !== undefined)
    return refusals.invalid('token: comes instead of a password, not with one');
  const wish = {
    ...(uid !== undefined && { uid }),
    ...(password !== undefined && { password }),
    ...(token !== undefined && { token }),
    ...(newPassword !== undefined && { newPassword }),
  };
  const found = await context.logins.login(wish, request.ip);
  if (isRefusal(found)) return found;
  const secure = request.protocol === 'https' || request.headers['x-forwarded-proto'] === 'https';
  // As DC/OS: pages lose the cookie a little before the token is over.
  const maxAge = Math.floor(context.sessionSeconds * 0.9);
  void reply.header('set-cookie', loginCookies(found.token, found.user, maxAge, secure));
  return { done: 200, body: { token: found.token } };
}

async function logOut(context: IamContext, request: ApiRequest, reply: ApiReply): Promise<IamAnswer> {
  const claims = await claimsOf(context, request);
  if (claims) await context.sessions.end(claims.jti);
  void reply.header('set-cookie', logoutCookies());
  return { done: 200, body: {} };
}

const start = { start_flow_url: `${IAM}/auth/login` };

/** As clients of DC/OS read it: with the first one, logins with a password need no browser. */
const PROVIDERS = {
  'dcos-users': {
    'authentication-type': 'dcos-uid-password',
    'client-method': 'dcos-usercredential-post-receive-authtoken',
    description: 'people: uid and password',
    config: start,
  },
  'dcos-services': {
    'authentication-type': 'dcos-uid-servicekey',
    'client-method': 'dcos-servicecredential-post-receive-authtoken',
    description: 'service accounts: a JWT signed with their key',
    config: start,
  },
};
