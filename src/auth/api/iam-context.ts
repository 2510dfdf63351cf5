import type { z } from 'zod';
import { decode } from '../../core/config/decode.ts';
import { errorText } from '../../core/errors.ts';
import { subjectOf } from '../../core/http/guard.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Logger } from '../../core/log.ts';
import { AUTH_COOKIE, cookieValue } from '../people/cookies.ts';
import { goodClaims, tokenOf } from '../people/authenticator.ts';
import type { Directory } from '../people/directory.ts';
import type { Logins } from '../people/logins.ts';
import type { Group, User } from '../people/records.ts';
import { isRefusal, refusals } from '../people/refusals.ts';
import type { IamRefusal } from '../people/refusals.ts';
import type { Sessions } from '../tokens/sessions.ts';
import type { SigningKeys } from '../tokens/signing-keys.ts';
import type { TokenClaims, Tokens } from '../tokens/tokens.ts';

/** What the routes of the identity API work with. */
export interface IamContext {
  readonly directory: Directory;
  readonly logins: Logins;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly keys: SigningKeys;
  readonly log: Logger;
  readonly now: () => number;
  readonly shortestPassword: number;
  readonly sessionSeconds: number;
}

export const IAM = '/acs/api/v1';

/** What a route answers: a body with its status, nothing with 204 or 201, or why not. */
export type IamAnswer = IamRefusal | { readonly done: number; readonly body?: unknown };

export const NO_CONTENT: IamAnswer = { done: 204 };

type Handler = (request: ApiRequest, reply: ApiReply) => Promise<IamAnswer>;

/** Adds routes that answer as the identity API of DC/OS does. */
export function iamRoutes(
  api: Api,
  { log }: IamContext,
): (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, handler: Handler) => void {
  return (method, path, handler) => {
    api.route({
      method,
      url: IAM + path,
      handler: async (request, reply) => {
        // What is said of people is nobody else's.
        void reply.header('cache-control', 'no-store');
        try {
          const answer = await handler(request, reply);
          if (isRefusal(answer)) return sendRefusal(reply, answer);
          return answer.body === undefined
            ? reply.code(answer.done).send()
            : reply.code(answer.done).send(answer.body);
        } catch (error) {
          log.error({ error, path: IAM + path }, 'the identity API failed');
          return sendRefusal(reply, {
            status: 500,
            code: 'ERR_INTERNAL',
            title: 'Internal Server Error',
            description: 'this went wrong on our side; the log says more',
          });
        }
      },
    });
  };
}

export function sendRefusal(reply: ApiReply, { status, retryAfterMs, ...body }: IamRefusal): ApiReply {
  if (status === 401) void reply.header('www-authenticate', 'acsjwt');
  if (retryAfterMs !== undefined) void reply.header('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  return reply
    .code(status)
    .header('content-type', 'application/json')
    .send(JSON.stringify({ title: body.title, description: body.description, code: body.code }));
}

export function param(request: ApiRequest, name: string): string {
  return (request.params as Record<string, string>)[name] ?? '';
}

export function query(request: ApiRequest, name: string): string | undefined {
  const value = (request.query as Record<string, string | string[] | undefined>)[name];
  return typeof value === 'string' ? value : value?.at(-1);
}

/** The JSON body; what is wrong with it names the field. An absent body is `{}`. */
export function body<S extends z.ZodType>(request: ApiRequest, schema: S): z.output<S> | IamRefusal {
  const text = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    return refusals.invalid(`the body is no JSON: ${withoutInput(errorText(error))}`);
  }
  const found = decode(schema, value);
  if (found.ok) return found.value;
  return refusals.invalid(found.issues.map(({ path, message }) => `${path}: ${message}`).join('; '));
}

/** The parser quotes what it read, in which a password may be. */
function withoutInput(text: string): string {
  return text.replace(/, ?(\.\.\.)?".*$/s, '');
}

/** Undefined for superusers; a service account can be one. */
export function superuserOnly({ directory }: IamContext, request: ApiRequest): IamRefusal | undefined {
  const { kind, name } = subjectOf(request);
  if ((kind === 'user' || kind === 'service') && directory.isSuperuser(name)) return undefined;
  return refusals.forbidden("this takes somebody of group 'superusers'");
}

/** Undefined for that account itself, and for superusers. */
export function selfOrSuperuser(
  context: IamContext,
  request: ApiRequest,
  uid: string,
): IamRefusal | undefined {
  return isSelf(request, uid) ? undefined : superuserOnly(context, request);
}

export function isSelf(request: ApiRequest, uid: string): boolean {
  const { kind, name } = subjectOf(request);
  return (kind === 'user' || kind === 'service') && name === uid;
}

/** What the token says that came with a request, in a header or cookie. */
export async function claimsOf(context: IamContext, request: ApiRequest): Promise<TokenClaims | undefined> {
  const { authorization, cookie } = request.headers;
  const token = authorization === undefined ? cookieValue(cookie ?? '', AUTH_COOKIE) : tokenOf(authorization);
  return token === undefined ? undefined : goodClaims(context, token);
}

export function userView({ uid, description, publicKey }: User): Readonly<Record<string, unknown>> {
  return {
    uid,
    url: `${IAM}/users/${encodeURIComponent(uid)}`,
    description,
    is_remote: false,
    ...(publicKey !== undefined && { is_service: true, public_key: publicKey }),
    provider_type: 'internal',
    provider_id: '',
  };
}

export function groupView({ gid, description }: Group): Readonly<Record<string, unknown>> {
  return { gid, url: `${IAM}/groups/${encodeURIComponent(gid)}`, description, provider_type: 'internal' };
}

export function membershipUrl(gid: string, uid: string): string {
  return `${IAM}/groups/${encodeURIComponent(gid)}/users/${encodeURIComponent(uid)}`;
}
