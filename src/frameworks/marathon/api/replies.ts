import type { ApiReply } from '../../../core/http/server.ts';
import type { FieldProblem } from '../apps/problem.ts';
import type { ChangeOutcome } from '../deployments/changes.ts';
import type { Deployment } from '../deployments/deployment.ts';

/** An answer of the API: a status and a JSON body (marathon.md §1). */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export function ok(body: unknown): Answer {
  return { status: 200, body };
}

export function failure(status: number, message: string): Answer {
  return { status, body: { message } };
}

export function noSuchApp(id: string): Answer {
  return failure(404, `App '${id}' does not exist`);
}

/** 422 with every field that is wrong (marathon.md §1.1). */
export function invalid(problems: readonly FieldProblem[]): Answer {
  const byPath = new Map<string, string[]>();
  for (const { path, error } of problems) byPath.set(path, [...(byPath.get(path) ?? []), error]);
  return {
    status: 422,
    body: {
      message: problems.some((p) => p.type === true) ? 'Invalid JSON' : 'Object is not valid',
      details: [...byPath].map(([path, errors]) => ({ path, errors })),
    },
  };
}

export function deploymentHeaders(deployment: Deployment): Readonly<Record<string, string>> {
  return { 'marathon-deployment-id': deployment.id };
}

/** The usual answer to a change: the deployment that carries it out, or why there is none. */
export function deploymentResult(outcome: ChangeOutcome): Answer {
  if (outcome.kind !== 'deployed') return refusal(outcome);
  const { id, version } = outcome.deployment;
  return { status: 200, body: { version, deploymentId: id }, headers: deploymentHeaders(outcome.deployment) };
}

export function refusal(outcome: Exclude<ChangeOutcome, { kind: 'deployed' }>): Answer {
  switch (outcome.kind) {
    case 'invalid':
      return invalid(outcome.problems);
    case 'refused':
      return failure(outcome.status, outcome.message);
    case 'locked':
      return {
        status: 409,
        body: {
          message:
            'App is locked by one or more deployments. ' +
            "Override with the option '?force=true'. " +
            "View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
          deployments: outcome.deployments.map((id) => ({ id })),
        },
      };
  }
}

export function send(reply: ApiReply, answer: Answer): ApiReply {
  void reply.code(answer.status);
  for (const [name, value] of Object.entries(answer.headers ?? {})) void reply.header(name, value);
  if (answer.body === undefined) return reply.send('');
  if (typeof answer.body === 'string') return reply.send(answer.body);
  void reply.header('content-type', 'application/json');
  return reply.send(JSON.stringify(answer.body));
}
