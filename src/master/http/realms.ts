import type { GuardRefusal, GuardStyle } from '../../core/http/guard.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import { sendText } from './answers.ts';

type Realm = 'open' | 'readonly' | 'readwrite' | 'scheduler';

/** Which realm each path is in, as in Mesos (mesos-api.md §6.1); what is not listed writes. */
const REALMS: ReadonlyMap<string, Realm> = new Map<string, Realm>([
  ...['health', 'version', 'redirect'].map((path) => [path, 'open'] as const),
  ...[
    'state',
    'state-summary',
    'slaves',
    'frameworks',
    'tasks',
    'roles',
    'flags',
    'metrics/snapshot',
    'registrar(1)/registry',
    'maintenance/status',
    'files/browse',
    'files/read',
    'files/download',
    'files/debug',
  ].map((path) => [path, 'readonly'] as const),
  ['api/v1/scheduler', 'scheduler'],
]);

/** The guard of the master. `find` tells which path of ours a request is for; what is not there needs no login to get 404. */
export function masterGuard(find: (url: string) => string | undefined): GuardStyle {
  const realmOf = (request: ApiRequest): Realm => {
    const path = find(request.url);
    return path === undefined ? 'open' : (REALMS.get(path) ?? 'readwrite');
  };
  return {
    open: (request) => realmOf(request) === 'open',
    refuse: (request, reply, refusal) => refuse(reply, refusal, `mesos-master-${realmOf(request)}`),
  };
}

const TEXTS = { 401: '401 Unauthorized.', 403: '403 Forbidden.', 429: '429 Too Many Requests.' } as const;

function refuse(reply: ApiReply, { status }: GuardRefusal, realm: string): ApiReply {
  if (status === 401) void reply.header('www-authenticate', `Basic realm="${realm}"`);
  return sendText(reply, status, TEXTS[status]);
}
