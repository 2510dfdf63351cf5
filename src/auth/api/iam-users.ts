import { z } from 'zod';
import type { Api, ApiRequest } from '../../core/http/server.ts';
import { checkWish, idProblem } from '../people/records.ts';
import type { User, UserWish } from '../people/records.ts';
import { isRefusal, refusals } from '../people/refusals.ts';
import type { IamRefusal } from '../people/refusals.ts';
import {
  body,
  claimsOf,
  groupView,
  iamRoutes,
  isSelf,
  membershipUrl,
  NO_CONTENT,
  param,
  query,
  selfOrSuperuser,
  superuserOnly,
  userView,
} from './iam-context.ts';
import type { IamAnswer, IamContext } from './iam-context.ts';

const fields = {
  description: z.string().optional(),
  password: z.string().optional(),
  public_key: z.string().optional(),
};

const creation = z.strictObject({
  ...fields,
  // What clients of DC/OS send besides; there are no other providers.
  provider_type: z.literal('internal').optional(),
  provider_id: z.string().optional(),
  creator_uid: z.string().optional(),
  cluster_url: z.string().optional(),
});

const change = z.strictObject({ ...fields, current_password: z.string().optional() });

/** People and service accounts. */
export function addUserRoutes(api: Api, context: IamContext): void {
  const route = iamRoutes(api, context);
  const { directory } = context;
  route('GET', '/users', async (request) => {
    const refused = superuserOnly(context, request);
    if (refused) return refused;
    const services = query(request, 'type') === 'service';
    const users = directory.users().filter((user) => (user.publicKey !== undefined) === services);
    return { done: 200, body: { array: users.map(userView) } };
  });
  route('GET', '/users/:uid', async (request) => {
    const user = known(context, request);
    return isRefusal(user) ? user : { done: 200, body: userView(user) };
  });
  route('PUT', '/users/:uid', (request) => create(context, request));
  route('PATCH', '/users/:uid', (request) => alter(context, request));
  route('DELETE', '/users/:uid', async (request) => {
    const uid = param(request, 'uid');
    const refused = superuserOnly(context, request) ?? (await directory.deleteUser(uid));
    if (refused) return refused;
    await context.sessions.endAll(uid);
    return NO_CONTENT;
  });
  route('GET', '/users/:uid/groups', async (request) => {
    const user = known(context, request);
    if (isRefusal(user)) return user;
    const groups = directory.groupsOf(user.uid).flatMap((gid) => directory.group(gid) ?? []);
    const array = groups.map((group) => ({
      membershipurl: membershipUrl(group.gid, user.uid),
      group: groupView(group),
    }));
    return { done: 200, body: { array } };
  });
}

function known(context: IamContext, request: ApiRequest): User | IamRefusal {
  const uid = param(request, 'uid');
  const refused = selfOrSuperuser(context, request, uid);
  if (refused) return refused;
  return context.directory.user(uid) ?? refusals.unknownUser(`there is no user '${uid}'`);
}

function wishOf(asked: z.output<typeof change> | z.output<typeof creation>): UserWish {
  const { description, password, public_key: publicKey } = asked;
  return {
    ...(description !== undefined && { description }),
    ...(password !== undefined && { password }),
    ...(publicKey !== undefined && { publicKey }),
  };
}

async function create(context: IamContext, request: ApiRequest): Promise<IamAnswer> {
  const { directory, logins, now, shortestPassword } = context;
  const uid = param(request, 'uid');
  const refused = superuserOnly(context, request) ?? idProblem('uid', uid);
  if (refused) return refused;
  const asked = body(request, creation);
  const wish = isRefusal(asked) ? asked : checkWish(wishOf(asked), shortestPassword);
  if (isRefusal(wish)) return wish;
  const { description = '', password, publicKey } = wish;
  if (directory.user(uid)) return refusals.exists(`user '${uid}' exists already`);
  if (password === undefined && publicKey === undefined)
    return refusals.invalid('password: an account needs a password or a public_key');
  const hash = password === undefined ? undefined : await logins.hash(password);
  if (isRefusal(hash)) return hash;
  const user = { uid, description, createdMs: now() };
  const added = await directory.addUser({
    ...user,
    ...(hash !== undefined && { passwordHash: hash }),
    ...(publicKey !== undefined && { publicKey }),
  });
  return added ?? { done: 201 };
}

async function alter(context: IamContext, request: ApiRequest): Promise<IamAnswer> {
  const user = known(context, request);
  if (isRefusal(user)) return user;
  const { uid } = user;
  const asked = body(request, change);
  if (isRefusal(asked)) return asked;
  const wish = checkWish(wishOf(asked), context.shortestPassword);
  if (isRefusal(wish)) return wish;
  const { description, password, publicKey } = wish;
  if (publicKey !== undefined && superuserOnly(context, request))
    return refusals.forbidden('public_key: a superuser sets it');
  const refused =
    password === undefined ? undefined : await alterPassword(context, request, uid, password, asked);
  if (refused) return refused;
  if (description !== undefined || publicKey !== undefined) {
    const problem = await context.directory.changeUser(uid, (old) => changed(old, description, publicKey));
    if (problem) return problem;
    if (publicKey !== undefined) await context.sessions.endAll(uid);
  }
  return NO_CONTENT;
}

/** Whoever changes the password of its own account proves that it knows the old one: a token may be borrowed. */
async function alterPassword(
  context: IamContext,
  request: ApiRequest,
  uid: string,
  password: string,
  { current_password: current }: z.output<typeof change>,
): Promise<IamRefusal | undefined> {
  const own = isSelf(request, uid);
  if (own && current === undefined)
    return refusals.invalid('current_password: is needed to change your own password');
  const proof = own ? { current: current ?? '', address: request.ip } : undefined;
  const keep = own ? (await claimsOf(context, request))?.jti : undefined;
  return context.logins.setPassword(uid, password, proof, keep);
}

/** An account with a key logs in with it alone. */
function changed(before: User, description: string | undefined, publicKey: string | undefined): User {
  const described = description === undefined ? before : { ...before, description };
  if (publicKey === undefined) return described;
  const { passwordHash: _, mustChangePassword: __, ...user } = described;
  return { ...user, publicKey };
}
