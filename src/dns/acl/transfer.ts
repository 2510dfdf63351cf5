import type { Authorizer } from '../../core/access.ts';
import { subjectOf } from '../../core/http/guard.ts';
import type { ApiRequest } from '../../core/http/server.ts';

/** What a policy says of a request for all records of zones, named without the last dot. Without a policy anybody may. */
export function mayTransfer(
  policy: Authorizer | undefined,
  request: ApiRequest,
  zones: readonly string[],
): boolean {
  if (policy === undefined) return true;
  const subject = { ...subjectOf(request), address: request.ip };
  return zones.every((object) => policy.decide({ subject, action: 'dns:transfer', object }).allowed);
}
