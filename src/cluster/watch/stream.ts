import { releasePiece } from '../../core/http/client.ts';
import type { HttpResponse } from '../../core/http/client.ts';
import { errorText } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { runInSlices } from '../../core/slices.ts';
import type { Rest } from '../../core/slices.ts';
import { beganEmpty, redirectOrigin } from '../../mesos/index.ts';
import type { Change, ClusterModel, MasterEndpoint } from '../model/index.ts';
import { audit } from './audit.ts';
import { endpointOfMasterInfo } from './master-info.ts';
import { endpointOfOrigin } from './master-url.ts';
import { call, deadline, HEAD_MS } from './request.ts';
import type { Deadline, RequestParts } from './request.ts';
import { StreamSession } from './session.ts';
import type { ClusterEvent, FollowEnd } from './types.ts';

export interface FollowContext extends RequestParts {
  readonly masters: readonly MasterEndpoint[];
  /** The last known state, from whichever master. */
  readonly previous: ClusterModel | undefined;
  readonly random: Random;
  readonly rest: Rest;
  /** `model`: with a snapshot, the same state as an object that follows everything told after it. */
  emit(event: ClusterEvent, model?: ClusterModel): void;
  counted(records: number): void;
}

/** Follow the event stream of one master until it ends. Every snapshot and delta goes to `emit`. */
export async function followStream(
  origin: string,
  context: FollowContext,
  signal: AbortSignal,
): Promise<FollowEnd> {
  const watchdog = deadline(context.clock, HEAD_MS, signal);
  try {
    const response = await call(context, origin, 'SUBSCRIBE', watchdog.signal, 0);
    const refusal = refusalOf(response, origin);
    if (refusal) {
      response.cancel();
      return refusal;
    }
    return await readStream(response, origin, context, watchdog, signal);
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted' };
    // Something on the way that holds streams back may still let a plain answer through.
    if (watchdog.expired) return { kind: 'refused', reason: 'no answer to SUBSCRIBE in time' };
    return { kind: 'failed', reason: errorText(error) };
  } finally {
    watchdog.done();
  }
}

function refusalOf(response: HttpResponse, origin: string): FollowEnd | undefined {
  if ([301, 302, 307, 308].includes(response.status)) {
    const to = redirectOrigin(response.headers['location'], origin);
    if (to !== undefined && to !== origin) return { kind: 'redirect', to };
    return { kind: 'refused', reason: 'SUBSCRIBE answered with a redirect to nowhere' };
  }
  if (response.status === 200) return undefined;
  // A master that recovers or knows no leader will stream in a moment; polling it for a minute would be the worse way.
  if (response.status === 503) return { kind: 'failed', reason: 'SUBSCRIBE answered 503' };
  return { kind: 'refused', reason: `SUBSCRIBE answered ${response.status}` };
}

async function readStream(
  response: HttpResponse,
  origin: string,
  context: FollowContext,
  watchdog: Deadline,
  signal: AbortSignal,
): Promise<FollowEnd> {
  const asked = await askMaster(origin, context, watchdog.signal);
  const session = new StreamSession({
    masters: context.masters,
    ...asked,
    previous: context.previous,
    seed: context.random.int(2 ** 31),
  });
  const began = context.clock.monotonic();
  const ended = (reason: string): FollowEnd => {
    response.cancel();
    if (signal.aborted) return { kind: 'aborted' };
    if (!session.model) return { kind: watchdog.expired || !broken ? 'refused' : 'failed', reason };
    const livedMs = context.clock.monotonic() - began;
    return { kind: 'lost', reason, livedMs, silent: watchdog.expired };
  };
  let broken = false;
  const auditing = new AbortController();
  const tell = (changes: readonly Change[]): void => context.emit({ kind: 'delta', changes });
  let audited: Promise<void> | undefined;
  try {
    for await (const bytes of response.body) {
      const problem = await takePiece(bytes, session, context);
      if (problem !== undefined) return ended(problem);
      if (session.model) audited ??= audit(origin, session, { ...context, tell }, auditing.signal);
      watchdog.touch(session.model ? session.heartbeatMs * context.options.heartbeatLossFactor : HEAD_MS);
    }
    return ended('the master closed the event stream');
  } catch (error) {
    broken = true;
    return ended(watchdog.expired ? 'no heartbeat' : `the event stream broke: ${errorText(error)}`);
  } finally {
    session.over = true;
    auditing.abort();
    await audited;
  }
}

/** Tell what these bytes say; returns the reason why the stream can be followed no further. */
async function takePiece(
  bytes: Uint8Array,
  session: StreamSession,
  context: FollowContext,
): Promise<string | undefined> {
  // A function of its own: what it has found may be a whole state, which nothing shall hold until the next piece comes.
  const step = await runInSlices(session.steps(bytes), context.rest);
  releasePiece(bytes);
  if (step.kind === 'refused') return step.reason;
  for (const event of step.events) context.emit(event, session.model);
  if (step.kind === 'broken') return step.reason;
  context.counted(step.records);
  return undefined;
}

/** How the master calls itself, so that `leader` is the same whether streamed or polled; else the address we asked. And whether it began empty. */
async function askMaster(
  origin: string,
  context: FollowContext,
  signal: AbortSignal,
): Promise<{ readonly leader: MasterEndpoint | undefined; readonly beganEmpty: boolean }> {
  const leader = endpointOfOrigin(origin);
  try {
    const response = await call(context, origin, 'GET_MASTER', signal, 5_000);
    const text = await response.text();
    if (response.status === 200)
      return { leader: endpointOfMasterInfo(text) ?? leader, beganEmpty: beganEmpty(response.headers) };
  } catch {
    // It is a nicety; the stream will show whether the master is well.
  }
  return { leader, beganEmpty: false };
}
