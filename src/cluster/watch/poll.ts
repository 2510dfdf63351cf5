import { sleep } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { releasePiece } from '../../core/http/client.ts';
import type { HttpResponse } from '../../core/http/client.ts';
import { runInSlices } from '../../core/slices.ts';
import type { Work } from '../../core/slices.ts';
import { beganEmpty, parseUpid, redirectOrigin } from '../../mesos/index.ts';
import type { ClusterModel } from '../model/index.ts';
import {
  asText,
  carryOver,
  copyOf,
  leaderHostFromV0,
  looksLikeV0State,
  member,
  recoveredIds,
  stepsBetween,
} from '../model/index.ts';
import { DocumentReader } from './document/index.ts';
import { onHost } from './master-url.ts';
import { deadline, get, HEAD_MS } from './request.ts';
import type { FollowContext } from './stream.ts';
import type { FollowEnd } from './types.ts';

/** Where masters of all ages, and plain web servers with a saved state, keep the document. */
const PATHS = ['/master/state', '/state', '/master/state.json', '/state.json'] as const;
const MAX_REDIRECTS = 10;

type Fetched =
  | { readonly ok: true; readonly json: unknown; readonly origin: string; readonly beganEmpty: boolean }
  | { readonly ok: false; readonly reason: string };

/**
 * Poll one master (or the leader it names) until an answer fails or `untilMs` on the monotonic clock. The first answer
 * is told as a snapshot unless `context.previous` is still current (`resume`), later ones as deltas.
 */
export async function followPolls(
  origin: string,
  context: FollowContext & { readonly resume: boolean; readonly untilMs: number },
  signal: AbortSignal,
): Promise<FollowEnd> {
  const began = context.clock.monotonic();
  // Kept from poll to poll: of the next document only what is new is parsed.
  const reader = new DocumentReader(context.random.int(2 ** 31));
  const polled: Polled = { ...context, reader };
  let known = context.resume ? context.previous : undefined;
  let answered = false;
  let at = origin;
  let empty = false;
  const paths = [...PATHS];
  for (;;) {
    const answer = await fetchFromLeader(at, paths, polled, signal);
    if (signal.aborted) return { kind: 'aborted' };
    if (!answer.ok) {
      if (!answered) return { kind: 'failed', reason: answer.reason };
      return {
        kind: 'lost',
        reason: answer.reason,
        livedMs: context.clock.monotonic() - began,
        silent: false,
      };
    }
    at = answer.origin;
    answered = true;
    context.counted(1);
    const ended = empty && !answer.beganEmpty; // the same document means something else then
    empty = answer.beganEmpty;
    known =
      known && reader.unchanged && !ended
        ? known
        : await runInSlices(tell(answer, known, polled), context.rest);
    if (signal.aborted) return { kind: 'aborted' };
    if (context.clock.monotonic() >= context.untilMs) return { kind: 'retry-stream' };
    await sleep(context.clock, context.options.refreshMs, signal);
    if (signal.aborted) return { kind: 'aborted' };
  }
}

interface Polled extends FollowContext {
  readonly reader: DocumentReader;
}

/** As many changes are made between two points where the work may rest. */
const PER_STEP = 512;

/** Tell the step from `known` to what the document says; returns the state that is known now. */
function* tell(
  answer: { readonly json: unknown; readonly beganEmpty: boolean },
  known: ClusterModel | undefined,
  context: Polled,
): Work<ClusterModel> {
  const { json: document } = answer;
  const before = known ?? context.previous;
  const next = yield* context.reader.stateV0(document, context.masters);
  if (before) {
    const recovered = recoveredIds(member(document, 'recovered_slaves'));
    carryOver(before, next, answer.beganEmpty ? new Set(before.agents.keys()) : recovered);
  }
  const changes = before ? yield* stepsBetween(before, next) : [];
  // The last state goes on from where it was: two of this size would be one too many.
  const state = before ?? next;
  for (const [i, change] of changes.entries()) {
    state.apply(change);
    if (i % PER_STEP === 0) yield;
  }
  if (!known) context.emit({ kind: 'snapshot', state: yield* copyOf(state) }, state);
  else if (changes.length > 0) context.emit({ kind: 'delta', changes });
  return state;
}

/**
 * A state, and from the leader: a master that says another one leads is not believed, and that other one is asked
 * (mesos-dns.md §3.2; the port inside `leader` is not used). A master which says that itself is the leader is believed
 * whatever address we reached it by.
 */
async function fetchFromLeader(
  origin: string,
  paths: string[],
  context: Polled,
  signal: AbortSignal,
): Promise<Fetched> {
  const first = await fetchState(origin, paths, context, signal);
  if (!first.ok) return first;
  // As a rule an address; where it is a name (which ends Mesos-DNS) that is as good a place to ask.
  const host = leaderHostFromV0(first.json);
  if (host === undefined) return { ok: false, reason: 'the state names no leader' };
  if (isOfHost(first.origin, host) || isItself(first.json)) return first;
  return fetchState(onHost(first.origin, host), paths, context, signal);
}

function isOfHost(origin: string, host: string): boolean {
  return onHost(origin, host) === origin;
}

function isItself(json: unknown): boolean {
  const [own, leader] = ['pid', 'leader'].map((key) => parseUpid(asText(member(json, key)) ?? ''));
  return own !== undefined && own.host === leader?.host && own.port === leader.port;
}

/** The first path that gives a state (it is moved to the front of `paths`). As with Mesos-DNS the status does not count, only what the body is. */
async function fetchState(
  origin: string,
  paths: string[],
  context: Polled,
  signal: AbortSignal,
): Promise<Fetched> {
  let reason = '';
  for (const [i, path] of paths.entries()) {
    const answer = await fetchDocument(`${origin}${path}`, context, signal);
    if (answer.ok && i > 0) paths.unshift(...paths.splice(i, 1));
    if (answer.ok || signal.aborted) return answer;
    // The reason of the path that a master is expected to have is the one worth telling.
    reason ||= answer.reason;
    if (!answer.answered) break;
  }
  return { ok: false, reason };
}

type Document = Fetched & { readonly answered?: boolean };

async function fetchDocument(url: string, context: Polled, signal: AbortSignal): Promise<Document> {
  const { stateTimeoutMs } = context.options;
  const time = deadline(context.clock, Math.min(HEAD_MS, stateTimeoutMs), signal);
  let at = url;
  try {
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await get(context, at, time.signal);
      time.touch(stateTimeoutMs);
      const location = response.headers['location'];
      if (response.status >= 301 && response.status <= 308 && location !== undefined) {
        await response.text();
        const to = URL.canParse(location, at) ? new URL(location, at).href : undefined;
        if (to === undefined || redirectOrigin(to, at) === undefined) break;
        at = to;
        continue;
      }
      const json = await readDocument(response, context);
      if (looksLikeV0State(json))
        return { ok: true, json, origin: new URL(at).origin, beganEmpty: beganEmpty(response.headers) };
      return { ok: false, answered: true, reason: `${at} answered ${response.status} without a state` };
    }
    return { ok: false, answered: true, reason: `${url} redirects without end` };
  } catch (error) {
    const reason = time.expired ? 'no answer in time' : errorText(error);
    return { ok: false, answered: false, reason: `${at}: ${reason}` };
  } finally {
    time.done();
  }
}

/** The document without its tasks and agents, which are with the reader; undefined when it is not JSON. */
async function readDocument(response: HttpResponse, { reader, rest }: Polled): Promise<unknown> {
  reader.begin('v0');
  for await (const bytes of response.body) {
    await runInSlices(reader.push(bytes), rest);
    releasePiece(bytes);
  }
  return reader.end();
}
