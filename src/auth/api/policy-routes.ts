import type { AccessRequest, Subject } from '../../core/access.ts';
import { subjectOf } from '../../core/http/guard.ts';
import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import { ipText } from '../../core/ip.ts';
import { parseWho } from '../../core/policy/who.ts';
import { ACTIONS, parseRules } from '../policy/index.ts';
import type { Problem } from '../policy/index.ts';
import type { PolicyKeeper } from '../policy-keeper/index.ts';

export const POLICY = '/policy/v1';

interface PolicyError {
  readonly status: number;
  readonly message: string;
  readonly problems?: readonly Problem[];
}

const REQUEST_KEYS = ['who', 'group', 'action', 'object', 'alias', 'method', 'path'];

/**
 * The HTTP API of the policy. Errors are `{message, problems?}`: 400 what was sent is not right, 403 the policy does not allow it, 409 somebody
 * else has changed the rules meanwhile.
 */
export function policyRoutes(api: Api, policy: PolicyKeeper): void {
  const guarded = (action: string, handler: (request: ApiRequest) => Promise<unknown>) => {
    return async (request: ApiRequest, reply: ApiReply): Promise<ApiReply> => {
      const { allowed, rule } = policy.decide({ subject: subjectOf(request), action, object: '' });
      if (!allowed)
        return fail(reply, { status: 403, message: `the policy does not allow it (rule '${rule}')` });
      const answer = await handler(request);
      return isError(answer) ? fail(reply, answer) : send(reply, 200, answer);
    };
  };
  api.get(
    `${POLICY}/version`,
    guarded('policy:view', async () => ({ ...versionOf(policy) })),
  );
  api.get(
    `${POLICY}/rules`,
    guarded('policy:view', async () => ({
      ...versionOf(policy),
      // In force, in their order.
      rules: policy.policy.rules,
      warnings: policy.warnings,
      // To be changed here.
      own: policy.own.rules,
    })),
  );
  api.put(
    `${POLICY}/rules`,
    guarded('policy:update', async ({ body }) => replace(policy, body)),
  );
  api.get(
    `${POLICY}/explain`,
    guarded('policy:view', async ({ query }) => {
      const asked = accessRequestOf(query as Record<string, unknown>);
      return isError(asked) ? asked : { request: asked, ...policy.explain(asked) };
    }),
  );
}

function versionOf({ policy, own }: PolicyKeeper): Record<string, unknown> {
  return { version: policy.version, default: policy.default, revision: own.revision };
}

/** `{revision, rules}`: put these in the place of the API's own rules, if they are still at that revision. */
async function replace(policy: PolicyKeeper, body: unknown): Promise<unknown> {
  const input = jsonOf(body);
  if (input === undefined)
    return { status: 400, message: 'the body must be a JSON object' } satisfies PolicyError;
  const { revision, rules, ...others } = input;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined)
    return { status: 400, message: `unknown key '${unknown}'; known keys: revision, rules` };
  if (typeof revision !== 'number' || !Number.isInteger(revision) || revision < 0)
    return { status: 400, message: `revision: the number that GET ${POLICY}/rules told` };
  const parsed = parseRules(rules);
  if (!parsed.ok) return { status: 400, message: 'the rules are not right', problems: parsed.problems };
  const written = await policy.replaceOwn(parsed.value, revision);
  if (written === undefined)
    return { status: 409, message: `the rules are not at revision ${revision} any more: read them again` };
  return { ...versionOf(policy), revision: written.revision, warnings: policy.warnings };
}

function jsonOf(body: unknown): Readonly<Record<string, unknown>> | undefined {
  try {
    const input = JSON.parse(String(body)) as unknown;
    const isObject = typeof input === 'object' && input !== null && !Array.isArray(input);
    return isObject ? (input as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The question in the query of a URL: `who=user:alice&group=ops&action=call&object=web&method=GET&path=/x`. */
function accessRequestOf(query: Readonly<Record<string, unknown>>): AccessRequest | PolicyError {
  const bad = (message: string): PolicyError => ({ status: 400, message });
  for (const [key, value] of Object.entries(query)) {
    if (!REQUEST_KEYS.includes(key))
      return bad(`unknown parameter '${key}'; known: ${REQUEST_KEYS.join(', ')}`);
    if (typeof value !== 'string' && key !== 'group') return bad(`${key}: more than once`);
  }
  const text = (key: string): string | undefined => query[key] as string | undefined;
  const subject = subjectFrom(text('who') ?? '', [query['group'] ?? []].flat().map(String));
  if (subject === undefined)
    return bad(
      'who: write anonymous, user:, service: or principal: with a name, a SPIFFE id, or net: with an address',
    );
  const action = text('action') ?? '';
  if (!ACTIONS.has(action))
    return bad(`action: unknown action '${action}'; known: ${[...ACTIONS.keys()].join(', ')}`);
  const [alias, method, path] = [text('alias'), text('method'), text('path')];
  return {
    subject,
    action,
    object: text('object') ?? '',
    ...(alias !== undefined && { alias }),
    ...(method !== undefined && { method }),
    ...(path !== undefined && { path }),
  };
}

/** Somebody in the words of `who`, without patterns. */
function subjectFrom(text: string, groups: readonly string[]): Subject | undefined {
  const who = parseWho(text);
  if (who === undefined || 'problem' in who) return undefined;
  if (who.kind === 'anonymous') return { kind: 'anonymous', name: '', groups: [] };
  if (who.kind === 'network') {
    const isOne = who.bits === who.bytes.length * 8;
    return isOne ? { kind: 'anonymous', name: '', groups: [], address: ipText(who.bytes) } : undefined;
  }
  if (!('pattern' in who) || who.kind === 'group' || who.pattern.exact === undefined) return undefined;
  return { kind: who.kind, name: who.pattern.exact, groups };
}

function isError(answer: unknown): answer is PolicyError {
  return typeof answer === 'object' && answer !== null && 'status' in answer && 'message' in answer;
}

function fail(reply: ApiReply, { status, ...body }: PolicyError): ApiReply {
  return send(reply, status, body);
}

function send(reply: ApiReply, status: number, body: unknown): ApiReply {
  return reply.code(status).header('content-type', 'application/json').send(JSON.stringify(body));
}
