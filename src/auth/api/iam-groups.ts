import { z } from 'zod';
import type { Api } from '../../core/http/server.ts';
import { isRefusal, refusals } from '../people/refusals.ts';
import type { IamRefusal } from '../people/refusals.ts';
import {
  body,
  groupView,
  iamRoutes,
  membershipUrl,
  param,
  query,
  superuserOnly,
  userView,
} from './iam-context.ts';
import type { IamAnswer, IamContext } from './iam-context.ts';

const wish = z.strictObject({
  description: z.string().max(1_000).default(''),
  provider_type: z.literal('internal').optional(),
});

/** Groups and who is in them; all of it is for superusers. */
export function addGroupRoutes(api: Api, context: IamContext): void {
  const add = iamRoutes(api, context);
  const { directory } = context;
  const route: typeof add = (method, path, handler) =>
    add(method, path, async (request, reply) => superuserOnly(context, request) ?? handler(request, reply));
  const done = (refused: IamRefusal | undefined, status = 204): IamAnswer => refused ?? { done: status };
  const unknown = (gid: string): IamRefusal => refusals.unknownGroup(`there is no group '${gid}'`);
  route('GET', '/groups', async () => ({ done: 200, body: { array: directory.groups().map(groupView) } }));
  route('GET', '/groups/:gid', async (request) => {
    const group = directory.group(param(request, 'gid'));
    return group ? { done: 200, body: groupView(group) } : unknown(param(request, 'gid'));
  });
  route('PUT', '/groups/:gid', async (request) => {
    const asked = body(request, wish);
    if (isRefusal(asked)) return asked;
    return done(await directory.addGroup(param(request, 'gid'), asked.description), 201);
  });
  route('PATCH', '/groups/:gid', async (request) => {
    const asked = body(request, wish);
    if (isRefusal(asked)) return asked;
    return done(await directory.describeGroup(param(request, 'gid'), asked.description));
  });
  route('DELETE', '/groups/:gid', async (request) =>
    done(await directory.deleteGroup(param(request, 'gid'))),
  );
  route('GET', '/groups/:gid/users', async (request) => {
    const group = directory.group(param(request, 'gid'));
    if (!group) return unknown(param(request, 'gid'));
    const type = query(request, 'type');
    const users = group.members.flatMap((uid) => directory.user(uid) ?? []);
    const wanted = users.filter(
      (u) => type === undefined || (type === 'service') === (u.publicKey !== undefined),
    );
    const array = wanted.map((user) => ({
      membershipurl: membershipUrl(group.gid, user.uid),
      user: userView(user),
    }));
    return { done: 200, body: { array } };
  });
  route('PUT', '/groups/:gid/users/:uid', async (request) =>
    done(await directory.addMember(param(request, 'gid'), param(request, 'uid'))),
  );
  route('DELETE', '/groups/:gid/users/:uid', async (request) =>
    done(await directory.removeMember(param(request, 'gid'), param(request, 'uid'))),
  );
}
