import { Agent, request } from 'node:http';

export interface LoadReport {
  readonly sent: number;
  readonly answered: number;
  readonly seconds: number;
  /** Requests per second that were really sent: a verdict on less traffic than asked for is worth nothing. */
  readonly rate: number;
  /** What went wrong and how often: `status 503 <body>`, `ECONNRESET`, `no answer in 10 s`… */
  readonly failures: ReadonlyMap<string, number>;
  /** When the first failures happened, milliseconds since the epoch. */
  readonly firstFailures: readonly { readonly at: number; readonly reason: string }[];
  /** The answers' bodies and how often each came. */
  readonly bodies: ReadonlyMap<string, number>;
  readonly slowestMs: number;
}

/**
 * Steady GET requests over keep-alive connections, at a fixed rate whatever the answers do (an open loop: a slow
 * server does not slow the clients down). Anything but a whole 200 within 10 s is a failure.
 */
export function startLoad(options: {
  readonly port: number;
  readonly host: string;
  readonly path?: string;
  readonly perSecond: number;
  /** Told of every failure, with the wall-clock milliseconds from sending to knowing. */
  readonly failed?: (failure: {
    readonly fromMs: number;
    readonly toMs: number;
    readonly reason: string;
  }) => void;
}): { stop(): Promise<LoadReport> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 64, scheduling: 'fifo' });
  const failures = new Map<string, number>();
  const bodies = new Map<string, number>();
  const firstFailures: { at: number; reason: string }[] = [];
  const started = performance.now();
  let sent = 0;
  let answered = 0;
  let open = 0;
  let slowestMs = 0;
  let drained: (() => void) | undefined;

  const settle = (begun: number, reason: string | undefined, body: string): void => {
    open--;
    if (reason === undefined) {
      answered++;
      slowestMs = Math.max(slowestMs, performance.now() - begun);
      bodies.set(body, (bodies.get(body) ?? 0) + 1);
    } else {
      failures.set(reason, (failures.get(reason) ?? 0) + 1);
      const toMs = Date.now();
      options.failed?.({ fromMs: toMs - (performance.now() - begun), toMs, reason });
      if (firstFailures.length < 20) firstFailures.push({ at: Date.now(), reason });
    }
    if (open === 0) drained?.();
  };

  const send = (): void => {
    sent++;
    open++;
    const begun = performance.now();
    let settled = false;
    const once = (reason: string | undefined, body = ''): void => {
      if (settled) return;
      settled = true;
      settle(begun, reason, body);
    };
    const outgoing = request(
      {
        agent,
        host: '127.0.0.1',
        port: options.port,
        path: options.path ?? '/',
        headers: { host: options.host },
        timeout: 10_000,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => void (body += piece));
        response.on('error', (error) => once(`broken answer: ${error.message}`));
        response.on('end', () =>
          once(
            response.statusCode === 200 ? undefined : `status ${response.statusCode} ${body.trim()}`,
            body,
          ),
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 10 s')));
    outgoing.on('error', (error: NodeJS.ErrnoException) => once(error.code ?? error.message));
    outgoing.end();
  };

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1000) * options.perSecond);
    for (let missing = due - sent; missing > 0; missing--) send();
  }, 5);

  return {
    async stop() {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      if (open > 0) await new Promise<void>((resolve) => void (drained = resolve));
      agent.destroy();
      return { sent, answered, seconds, rate: sent / seconds, failures, firstFailures, bodies, slowestMs };
    },
  };
}
