import { connect } from 'node:net';
import type { Clock } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import { createHttpClient } from '../../../core/http/client.ts';
import type { ProbeResult } from './health-state.ts';

export interface HttpProbe {
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface HttpProbeAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** How health and readiness are asked for over the network. Handed in, so that tests can answer. */
export interface Prober {
  /** Rejects when there is no answer in time. Redirects are answers. */
  http(probe: HttpProbe): Promise<HttpProbeAnswer>;
  tcp(probe: { host: string; port: number; timeoutMs: number; signal: AbortSignal }): Promise<ProbeResult>;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;

export function createProber(clock: Clock): Prober {
  // Certificates of tasks are not checked: the probe asks whether something answers, not who.
  const client = createHttpClient({ tls: { verify: false } });
  return {
    async http({ url, timeoutMs, signal }) {
      const timeout = new AbortController();
      const timer = clock.after(timeoutMs, () => timeout.abort());
      try {
        const response = await client.request({
          method: 'GET',
          url,
          headers: { accept: '*/*', connection: 'close' },
          timeoutMs: 0,
          signal: AbortSignal.any([timeout.signal, signal]),
        });
        const chunks: Uint8Array[] = [];
        let size = 0;
        for await (const chunk of response.body) {
          chunks.push(chunk);
          size += chunk.length;
          if (size > MAX_BODY_BYTES) break;
        }
        const body = Buffer.concat(chunks).toString('utf8', 0, MAX_BODY_BYTES);
        return { status: response.status, contentType: response.headers['content-type'] ?? '', body };
      } catch (error) {
        throw timeout.signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : error;
      } finally {
        timer.cancel();
      }
    },
    tcp: (probe) => tcpProbe(clock, probe),
    close: () => client.close(),
  };
}

function tcpProbe(
  clock: Clock,
  probe: { host: string; port: number; timeoutMs: number; signal: AbortSignal },
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host: probe.host, port: probe.port });
    const settle = (result: ProbeResult): void => {
      timer.cancel();
      probe.signal.removeEventListener('abort', aborted);
      socket.destroy();
      resolve(result);
    };
    const aborted = (): void => settle({ ok: false, cause: 'stopped' });
    const timer = clock.after(probe.timeoutMs, () =>
      settle({ ok: false, cause: `no connection within ${probe.timeoutMs} ms` }),
    );
    probe.signal.addEventListener('abort', aborted, { once: true });
    socket.on('connect', () => settle({ ok: true }));
    socket.on('error', (error) => settle({ ok: false, cause: errorText(error) }));
  });
}
