import type { Clock } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import type { Peer, Reactor, Transport } from '../../../net/index.ts';
import { FAILED, INCOMPLETE, latin1Bytes, ResponseParser } from '../../http1/index.ts';
import type { UpstreamTls } from '../../tls/upstream-tls.ts';
import { SecureConnector } from '../../upstream/index.ts';
import type { CheckPolicy } from './policy.ts';
import type { Probe, ProbeResult } from './probe.ts';

export const HEAD_LIMITS = { headBytes: 16_384, fields: 200 };
const WELL = [[200, 399]] as const;

/** A running probe: one connection and one deadline, over as soon as the first of them says something. */
export class Attempt {
  readonly #done: (result: ProbeResult) => void;
  readonly #timer: { cancel(): void };
  readonly #transport: Transport;
  #over = false;

  constructor(
    parts: ProbeParts,
    to: Peer,
    policy: CheckPolicy,
    done: (result: ProbeResult) => void,
    handler: (attempt: Attempt) => { connected(): void; data(bytes: Uint8Array): void },
  ) {
    this.#done = done;
    const { clock } = parts;
    const { timeoutMs } = policy;
    const late = `no result within ${timeoutMs} ms`;
    this.#timer = clock.after(timeoutMs, () => this.end({ ok: false, reason: late }));
    const on = handler(this);
    this.#transport = connectorOf(parts, policy).connect(
      to,
      { timeoutMs },
      {
        onConnect: () => on.connected(),
        onData: (bytes) => on.data(bytes),
        onEnd: () => this.end({ ok: false, reason: 'closed before it answered' }),
        onDrain: () => {},
        onClose: (error) =>
          this.end({
            ok: false,
            reason: error === undefined ? 'closed before it answered' : errorText(error),
          }),
      },
    );
  }

  send(bytes: Uint8Array): void {
    this.#transport.write(bytes);
  }

  end(result: ProbeResult): void {
    if (this.#over) return;
    this.cancel();
    this.#done(result);
  }

  cancel(): void {
    this.#over = true;
    this.#timer.cancel();
    this.#transport.destroy();
  }
}

export interface ProbeParts {
  readonly reactor: Pick<Reactor, 'connect'>;
  readonly clock: Clock;
  /** For instances that speak TLS. */
  readonly tls?: UpstreamTls | undefined;
}

/** Instances are reached as requests reach them. */
function connectorOf({ reactor, clock, tls }: ProbeParts, policy: CheckPolicy): Pick<Reactor, 'connect'> {
  if (policy.tls === undefined) return reactor;
  const { probe, tls: how } = policy;
  const http2 = probe.kind === 'grpc' || (probe.kind === 'http' && probe.http2);
  const protocol = probe.kind === 'tcp' ? 'tcp' : http2 ? 'h2' : 'http1';
  const terms = (): ReturnType<UpstreamTls['terms']> =>
    tls?.terms(protocol, how) ?? 'there is no TLS for checks here';
  return new SecureConnector({ over: reactor, clock, terms });
}

/** An address as a Host header field. */
export function hostOf({ ip, port }: Peer): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** A connection comes about. */
export function tcpProbe(parts: ProbeParts): Probe {
  return (to, policy, done) => {
    const attempt = new Attempt(parts, to, policy, done, (self) => ({
      connected: () => self.end({ ok: true, reason: 'connected' }),
      data: () => {},
    }));
    return () => attempt.cancel();
  };
}

/** GET; the status decides, the body is not waited for. */
export function httpProbe(parts: ProbeParts): Probe {
  return (to, policy, done) => {
    const { probe } = policy;
    if (probe.kind !== 'http') throw new Error(`a check by ${probe.kind} is not one by HTTP`);
    const { path, statuses = WELL } = probe;
    const host = probe.host ?? hostOf(to);
    const parser = new ResponseParser(HEAD_LIMITS);
    let received: Uint8Array = new Uint8Array(0);
    const read = (bytes: Uint8Array): ProbeResult | undefined => {
      received = Buffer.concat([received, bytes]);
      for (let at = 0; ;) {
        const next = parser.parse(received, at, received.length);
        if (next === FAILED) return { ok: false, reason: `answered no sound HTTP: ${parser.error}` };
        if (next === INCOMPLETE) return undefined;
        const { status } = parser;
        const ok = statuses.some(([from, until]) => status >= from && status <= until);
        if (status >= 200) return { ok, reason: `answered ${status}` };
        at = next;
      }
    };
    const attempt = new Attempt(parts, to, policy, done, (self) => ({
      connected: () =>
        self.send(
          latin1Bytes(
            `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: rimrock-check\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
          ),
        ),
      data: (bytes) => {
        const result = read(bytes);
        if (result !== undefined) self.end(result);
      },
    }));
    return () => attempt.cancel();
  };
}
