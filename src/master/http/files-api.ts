import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import { sendStatus, sendText } from './answers.ts';
import type { MasterFacts } from './facts.ts';
import { queryOf, sendMaybeJsonp } from './query.ts';

type Answer = (request: ApiRequest, reply: ApiReply) => unknown;

/**
 * `/files/*` (mesos-api.md §3.7): as a master of Mesos that was given no folder for logs, this one has no files to show, so every path is
 * unknown. Tools that ask for them get the answers that they know.
 */
export function filesRoutes(facts: MasterFacts): (readonly [string, Answer])[] {
  return [
    ['files/browse', unknown],
    ['files/read', unknown],
    ['files/download', unknown],
    [
      'files/debug',
      (request, reply) =>
        facts.mayOf(request)('get_endpoints', '/files/debug')
          ? sendMaybeJsonp(reply, queryOf(request), {})
          : sendStatus(reply, 403),
    ],
  ];
}

function unknown(request: ApiRequest, reply: ApiReply): ApiReply {
  const { path = '' } = queryOf(request);
  return path === '' ? sendText(reply, 400, "Expecting 'path=value' in query.\n") : sendText(reply, 404, '');
}
