import type { May } from '../../core/access.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import { decode, message, parseJson, repeated } from '../input/decode.ts';
import type { Decoded } from '../input/decode.ts';
import { quotaRequest, weightInfo } from '../input/quota-messages.ts';
import type { QuotaRequest } from '../input/quota-messages.ts';
import type { RegistryWork } from '../operator/work.ts';
import type { Weight } from '../state/index.ts';
import { quotaStatus, weightInfos } from '../views/quota.ts';
import { dropQuota, writeQuotaRequest, writeWeights } from './allocation-writes.ts';
import { sendMethodNotAllowed, sendText } from './answers.ts';
import type { MasterFacts } from './facts.ts';
import { bodyText } from './front-door.ts';
import { sendOutcome } from './operator-writes.ts';
import { queryOf, sendMaybeJsonp } from './query.ts';

type Route = readonly [string, (request: ApiRequest, reply: ApiReply) => unknown];

/** `/quota` and `/weights` (mesos-api.md §3.5): what the calls of the same meaning do. */
export function allocationRoutes(work: RegistryWork, facts: MasterFacts): Route[] {
  return [
    ['quota', (request, reply) => quota(work, request, reply, facts.mayOf(request))],
    ['weights', (request, reply) => weights(work, request, reply, facts.mayOf(request))],
  ];
}

function quota(work: RegistryWork, request: ApiRequest, reply: ApiReply, may: May): unknown {
  if (request.method === 'GET') return sendMaybeJsonp(reply, queryOf(request), quotaStatus(work.state, may));
  if (request.method === 'POST') {
    const given = read<QuotaRequest>(request, (json) => decode(quotaRequest.fields ?? {}, json));
    if (!given.ok)
      return sendText(
        reply,
        400,
        `Failed to parse set quota request JSON '${bodyText(request)}': ${given.problem}`,
      );
    return sendOutcome(work, reply, writeQuotaRequest(work, given.value, may));
  }
  if (request.method === 'DELETE') {
    const role = roleOf(request);
    if (role === undefined)
      return sendText(
        reply,
        400,
        "Failed to parse request path: 1 token ('role') required, found 0 token(s)",
      );
    return sendOutcome(work, reply, dropQuota(work, role, `for path '/master/quota/${role}'`, may));
  }
  return sendMethodNotAllowed(reply, ['GET', 'POST', 'DELETE'], request.method);
}

/** What stands behind `/quota/`. */
function roleOf(request: ApiRequest): string | undefined {
  const path = request.url.split('?', 1)[0] ?? '';
  const role = /quota\/+(.*[^/])/.exec(path)?.[1];
  if (role === undefined) return undefined;
  try {
    return decodeURIComponent(role);
  } catch {
    return role;
  }
}

function weights(work: RegistryWork, request: ApiRequest, reply: ApiReply, may: May): unknown {
  if (request.method === 'GET') return sendMaybeJsonp(reply, queryOf(request), weightInfos(work.state, may));
  if (request.method !== 'PUT') return sendMethodNotAllowed(reply, ['GET', 'PUT'], request.method);
  const given = read<{ list?: readonly Partial<Weight>[] }>(request, (json) =>
    // A list at the top is a list inside for the decoder; anything else is refused as what it is not.
    decode(WEIGHTS, { list: Array.isArray(json) ? json : [String(json)] }),
  );
  if (!given.ok)
    return sendText(
      reply,
      400,
      `Failed to parse update weights request JSON '${bodyText(request)}': ${given.problem}`,
    );
  return sendOutcome(work, reply, writeWeights(work, given.value.list ?? [], may));
}

const WEIGHTS = { list: repeated(message(weightInfo.fields ?? {})) };

function read<T>(request: ApiRequest, shaped: (json: unknown) => Decoded<T>): Decoded<T> {
  const json = parseJson(bodyText(request));
  return json.ok ? shaped(json.value) : json;
}
