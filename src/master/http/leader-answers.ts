import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { MasterInfo } from '../../mesos/index.ts';
import type { Standing } from '../../store/index.ts';
import { sendEmpty, sendText } from './answers.ts';

/** What every master answers, whether it leads or not (mesos-api.md §3.5, §4.6). */
const EVERYWHERE: ReadonlySet<string> = new Set([
  'version',
  'health',
  'redirect',
  'flags',
  'metrics/snapshot',
  'files/browse',
  'files/read',
  'files/download',
  'files/debug',
]);

/** The answer of a master that does not lead (mesos-api.md §1.1, rows 2 and 3); undefined when the route is to give one. */
export function leaderAnswer(
  standing: Standing<MasterInfo>,
  route: string,
  request: ApiRequest,
  reply: ApiReply,
): ApiReply | undefined {
  if (standing.kind === 'leads' || EVERYWHERE.has(route)) return undefined;
  if (standing.kind === 'recovers') return sendText(reply, 503, 'Master has not finished recovery');
  return sendToLeader(reply, standing.leader, request.url);
}

/** 307 to the leader; without a scheme, so that it is the one that the request came with. 503 where nobody leads. */
export function sendToLeader(reply: ApiReply, leader: MasterInfo | undefined, path = ''): ApiReply {
  if (leader === undefined) return sendText(reply, 503, 'No leader elected');
  const { hostname, port } = leader;
  const host = hostname.includes(':') ? `[${hostname}]` : hostname;
  return sendEmpty(reply.header('location', `//${host}:${port}${path}`), 307);
}
