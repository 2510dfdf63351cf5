import { subjectOf } from '../../core/http/guard.ts';
import type { Api } from '../../core/http/server.ts';
import { refusals } from '../people/refusals.ts';
import { claimsOf, iamRoutes, NO_CONTENT, param, query, selfOrSuperuser } from './iam-context.ts';
import type { IamContext } from './iam-context.ts';

/** Who is logged in: of oneself, and for superusers of everybody. DC/OS has nothing like it. */
export function addSessionRoutes(api: Api, context: IamContext): void {
  const route = iamRoutes(api, context);
  const { sessions } = context;
  route('GET', '/sessions', async (request) => {
    const all = query(request, 'uid') === '*';
    const uid = query(request, 'uid') ?? subjectOf(request).name;
    const refused = selfOrSuperuser(context, request, uid);
    if (refused) return refused;
    const current = (await claimsOf(context, request))?.jti;
    const array = sessions.of(all ? undefined : uid).map((session) => ({
      id: session.id,
      uid: session.uid,
      created: new Date(session.createdMs).toISOString(),
      expires: new Date(session.expiresMs).toISOString(),
      address: session.address,
      how: session.how,
      current: session.id === current,
    }));
    return { done: 200, body: { array } };
  });
  route('DELETE', '/sessions/:id', async (request) => {
    const id = param(request, 'id');
    const session = sessions.get(id);
    // Somebody else's and none are the same to whom it is no business of.
    const refused = session && selfOrSuperuser(context, request, session.uid);
    if (!session || refused || !(await sessions.end(id)))
      return refusals.unknownSession(`there is no session '${id}'`);
    return NO_CONTENT;
  });
}
