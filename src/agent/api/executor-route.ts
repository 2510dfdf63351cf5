import type { Api, ApiReply, ApiRequest } from '../../core/http/server.ts';
import { openStream } from '../../core/http/stream-response.ts';
import { examineCall } from '../../core/http/v1-calls.ts';
import type { MediaType } from '../../core/http/v1-calls.ts';
import { recordEncoder } from '../../mesos/proto/index.ts';
import { asExecutorCall, EXECUTOR_CALLS } from '../executors/call.ts';
import type { ExecutorCall } from '../executors/call.ts';
import { CustomExecutor } from '../executors/custom-executor.ts';
import type { ExecutorStream } from '../executors/events.ts';
import type { Executor } from '../executors/executor.ts';
import type { ExecutorClaims, ExecutorTokens } from '../executors/tokens.ts';

/** What the executor API asks the agent. */
export interface ExecutorDoor {
  /** `closed`: the agent does not know yet which executors there are; `recovering`: it waits for them, and hears only SUBSCRIBE. */
  state(): 'closed' | 'recovering' | 'open';
  /** Without it executors are not asked who they are. */
  readonly tokens: ExecutorTokens | undefined;
  knowsFramework(frameworkId: string): boolean;
  find(frameworkId: string, executorId: string): Executor | undefined;
  /** Data for the framework of an executor. */
  sendMessage(executor: Executor, data: string): void;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** `POST /api/v1/executor` (mesos-api.md §2.1): the first condition that holds decides. */
export function addExecutorRoute(api: Api, prefix: string, door: ExecutorDoor): void {
  api.all(`${prefix}/api/v1/executor`, async (request, reply) => {
    const { tokens } = door;
    const claims = await tokens?.verify(request.headers.authorization);
    if (tokens && !claims) {
      void reply.header('www-authenticate', 'Bearer realm="mesos-agent-executor"');
      return send(reply, { status: 401, text: '401 Unauthorized.' });
    }
    return answer(door, claims, request, reply);
  });
}

async function answer(
  door: ExecutorDoor,
  claims: ExecutorClaims | undefined,
  request: ApiRequest,
  reply: ApiReply,
): Promise<ApiReply> {
  if (door.state() === 'closed') return send(reply, RECOVERING);
  if (request.method !== 'POST') {
    const text = `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${request.method}'.`;
    return send(reply.header('allow', 'POST'), { status: 405, text });
  }
  const read = examineCall(request, EXECUTOR_CALLS);
  if (!('call' in read)) return send(reply, read);
  const call = asExecutorCall(read.call);
  if (call.type === 'HEARTBEAT') return accepted(reply);
  const executor = callerOf(door, claims, call);
  if ('status' in executor) return send(reply, executor);
  return heard(door, executor.caller, call, reply, read.answerAs);
}

const RECOVERING: Answer = { status: 503, text: 'Agent has not finished recovery' };

function callerOf(
  door: ExecutorDoor,
  claims: ExecutorClaims | undefined,
  call: ExecutorCall,
): { readonly caller: CustomExecutor } | Answer {
  if (call.type !== 'SUBSCRIBE' && door.state() !== 'open') return RECOVERING;
  const [frameworkId, executorId] = [call.framework_id.value, call.executor_id.value];
  if (!door.knowsFramework(frameworkId)) return { status: 400, text: 'Framework cannot be found' };
  const executor = door.find(frameworkId, executorId);
  if (!(executor instanceof CustomExecutor)) return { status: 400, text: 'Executor cannot be found' };
  const own =
    claims === undefined ||
    (claims.fid === frameworkId && claims.eid === executorId && claims.cid === executor.place.containerId);
  if (!own) return { status: 403, text: '403 Forbidden.' };
  if (call.type !== 'SUBSCRIBE' && !executor.subscribed)
    return { status: 403, text: 'Executor is not subscribed' };
  return { caller: executor };
}

async function heard(
  door: ExecutorDoor,
  executor: CustomExecutor,
  call: ExecutorCall,
  reply: ApiReply,
  form: MediaType,
): Promise<ApiReply> {
  switch (call.type) {
    case 'SUBSCRIBE': {
      const { unacknowledged_tasks: tasks = [], unacknowledged_updates: updates = [] } = call.subscribe;
      void executor.subscribe(
        { taskIds: tasks.map(({ task_id }) => task_id.value), updates: updates.map(({ status }) => status) },
        streamTo(reply, executor, form),
      );
      return reply;
    }
    case 'UPDATE':
      void executor.update(call.update.status);
      return accepted(reply);
    case 'MESSAGE':
      door.sendMessage(executor, call.message.data);
      return accepted(reply);
    case 'HEARTBEAT':
      return accepted(reply);
    case 'UNKNOWN':
      return send(reply, { status: 501, text: '501 Not Implemented.' });
  }
}

function streamTo(reply: ApiReply, executor: CustomExecutor, form: MediaType): ExecutorStream {
  const encode = recordEncoder(form, 'executor.Event');
  const response = openStream(reply, {
    headers: { 'content-type': form },
    onClose: () => executor.disconnected(stream),
  });
  const stream: ExecutorStream = {
    send: (event) => void response.write(encode(event)),
    close: () => response.end(),
  };
  return stream;
}

function accepted(reply: ApiReply): ApiReply {
  return reply.code(202).header('content-length', '0').send();
}

function send(reply: ApiReply, { status, text }: Answer): ApiReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(text);
}
