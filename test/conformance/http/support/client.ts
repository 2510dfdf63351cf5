import { Agent, request } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';

export interface Answer {
  /** 0: no whole answer. */
  readonly status: number;
  readonly reason: string | undefined;
  readonly instance: string | undefined;
  readonly body: string;
  readonly ms: number;
  /** Why there was no answer. */
  readonly error: string | undefined;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly id?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
  readonly timeoutMs?: number;
}

/** A client that keeps its connections; it never rejects. */
export class Client {
  readonly #agent: Agent;
  readonly #port: number;
  readonly #host: string;

  constructor(port: number, host: string, maxSockets = 64) {
    this.#port = port;
    this.#host = host;
    this.#agent = new Agent({ keepAlive: true, maxSockets, scheduling: 'fifo' });
  }

  ask(what: Ask = {}): Promise<Answer> {
    const begun = performance.now();
    return new Promise((resolve) => {
      const over = (part: Partial<Answer>): void =>
        resolve({
          status: 0,
          reason: undefined,
          instance: undefined,
          body: '',
          error: undefined,
          ...part,
          ms: performance.now() - begun,
        });
      const outgoing = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.#port,
          method: what.method ?? 'GET',
          path: what.path ?? '/',
          timeout: what.timeoutMs ?? 15_000,
          headers: {
            host: this.#host,
            ...(what.id === undefined ? {} : { 'x-id': what.id }),
            ...(what.body === undefined ? {} : { 'content-length': Buffer.byteLength(what.body) }),
            ...what.headers,
          },
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (piece: string) => void (body += piece));
          response.on('error', (error) => over({ error: error.message }));
          response.on('end', () => {
            const { statusCode: status = 0, headers } = response;
            const [reason, instance] = [headers['x-rimrock-reason'], headers['x-instance']].map(String);
            over({ status, reason, instance, body });
          });
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
      outgoing.on('error', (error) => over({ error: error.message }));
      outgoing.end(what.body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
