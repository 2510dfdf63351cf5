import { reasons } from '../reasons.ts';
import type { ReasonCode } from '../reasons.ts';
import type { HttpRecord } from '../log/record.ts';
import type { ServiceStats } from '../metrics.ts';
import type { Admitted } from './admit.ts';
import { addressOf } from './attempts.ts';
import type { Attempts } from './attempts.ts';
import type { Backend, ClientSide, ForwardContext } from './context.ts';
import type { TunnelBytes } from './tunnel.ts';

/** How an exchange ended. */
export interface Ending {
  /** 0: no answer of an instance had begun. */
  readonly status: number;
  /** Reason code of our own answer, or the cause of a cut; undefined: all went its way. */
  readonly reason: string | undefined;
  readonly now: number;
  readonly bytes?: TunnelBytes | undefined;
  /** Of the service that was asked. */
  readonly stats: ServiceStats;
}

/** Ends that are nobody's fault on this side of the client. */
const CLIENTS_DOING = new Set(['client-left', 'client-too-slow']);

const isCode = (reason: string): reason is ReasonCode => Object.hasOwn(reasons, reason);

/** Count what passed in an exchange, and tell the access log of it, if it wants to know. Makes nothing before that is clear. */
export function tellExchange(
  ctx: ForwardContext,
  client: ClientSide,
  exchange: { readonly method: string; readonly request: Admitted; readonly startedAt: number },
  attempts: Attempts,
  ending: Ending,
): void {
  const { reason, now, stats } = ending;
  const answered = ending.status !== 0;
  const bytesIn = ending.bytes?.fromClient ?? client.requestBody.received;
  const bytesOut = ending.bytes?.toClient ?? (answered ? client.responseBody.received : 0);
  stats.passed(bytesIn, bytesOut);
  const own = ending.status === 0 && reason !== undefined && isCode(reason);
  const status = own ? reasons[reason].status : ending.status;
  const broken = reason !== undefined && !own && !CLIENTS_DOING.has(reason);
  if (!ctx.access.wants(broken || status >= 500)) return;
  const { startedAt, request, method } = exchange;
  const it = begun(client, request, method);
  tellAttempts(it, attempts, startedAt, reason ?? String(status), now);
  it.status = status;
  it.bytesIn = bytesIn;
  it.bytesOut = bytesOut;
  it.firstByteMs = answered ? attempts.firstByteAt - startedAt : undefined;
  it.totalMs = now - startedAt;
  it.reason = reason;
  ctx.access.write(it);
}

/** Tell it of a request that no exchange was begun for: we answered ourselves. */
export function tellOwnAnswer(
  ctx: ForwardContext,
  client: ClientSide,
  answer: {
    readonly reason: ReasonCode;
    readonly status: number;
    readonly method: string | undefined;
    readonly request: Admitted | undefined;
    readonly startedAt: number;
  },
): void {
  const { status, reason, method, request, startedAt } = answer;
  if (!ctx.access.wants(status >= 500)) return;
  const it = begun(client, request, method);
  it.endpoint = it.task = it.attempts = it.waitMs = it.connectMs = it.firstByteMs = undefined;
  it.status = status;
  it.bytesIn = it.bytesOut = 0;
  it.totalMs = ctx.clock.monotonic() - startedAt;
  it.reason = reason;
  ctx.access.write(it);
}

const serviceOf = ({ route, serviceKey }: Admitted): string | undefined => serviceKey ?? route?.serviceKey;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The one record that all requests of a thread are told by: a sink keeps nothing of it. */
const RECORD: Mutable<HttpRecord> = {
  proto: 'http',
  client: '',
  forwardedFor: undefined,
  listener: '',
  method: undefined,
  host: undefined,
  target: undefined,
  status: 0,
  bytesIn: 0,
  bytesOut: 0,
  route: undefined,
  service: undefined,
  endpoint: undefined,
  task: undefined,
  attempts: undefined,
  waitMs: undefined,
  connectMs: undefined,
  firstByteMs: undefined,
  totalMs: 0,
  reason: undefined,
  tlsVersion: undefined,
  alpn: undefined,
  peer: undefined,
  traceId: undefined,
  requestId: undefined,
};

/** With what is known of the request; everything else is still that of the one before. */
function begun(
  { facts, listener, transport: { secure } }: ClientSide,
  request: Admitted | undefined,
  method: string | undefined,
): Mutable<HttpRecord> {
  const it = RECORD;
  it.client = facts.ip;
  it.listener = listener;
  it.method = method;
  it.tlsVersion = secure?.version;
  it.alpn = secure?.alpn;
  it.peer = facts.peer;
  it.forwardedFor = request?.client;
  it.host = request?.host;
  it.target = request?.asked;
  it.route = request?.route?.id;
  it.service = request && serviceOf(request);
  it.traceId = request?.traceId?.toString();
  it.requestId = request?.requestId === request?.traceId ? it.traceId : request?.requestId?.toString();
  return it;
}

function tellAttempts(
  it: Mutable<HttpRecord>,
  { endpoint, history, pickedAt, roomAt, sentAt }: Attempts,
  startedAt: number,
  outcome: string,
  now: number,
): void {
  const address = endpoint && addressOf(endpoint);
  it.endpoint = address;
  it.task = endpoint?.taskId;
  it.waitMs = endpoint && roomAt - startedAt;
  it.connectMs = endpoint === undefined || sentAt === 0 ? undefined : sentAt - roomAt;
  it.attempts =
    history && address !== undefined
      ? [...history, { endpoint: address, outcome, ms: now - pickedAt }]
      : undefined;
}

/** For who looks into one instance: a try that came to nothing. */
export function logAttempt(
  { log }: ForwardContext,
  { key }: Backend,
  { endpoint, sent }: Attempts,
  cause: string,
): void {
  if (!log.isLevelEnabled('debug')) return;
  log.debug({ cause, backend: key, task: endpoint?.taskId, sent }, 'attempt failed');
}
