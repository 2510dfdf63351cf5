import {
  BodyReader,
  FAILED,
  INCOMPLETE,
  latin1Bytes,
  responseBody,
  ResponseParser,
} from '../../http1/index.ts';
import { readStatus, requestFor, servingStatus } from './grpc-message.ts';
import { overHttp2 } from './over-http2.ts';
import type { Http2ProbeParts } from './over-http2.ts';
import type { Probe, ProbeResult } from './probe.ts';
import { Attempt, HEAD_LIMITS, hostOf } from './reactor-probes.ts';
import type { ProbeParts } from './reactor-probes.ts';

/** More than any answer of a health service. */
const MOST_BYTES = 4_096;

/** grpc.health.v1.Health/Check over HTTP/2. */
export function grpcProbe(parts: Http2ProbeParts): Probe {
  return overHttp2(parts, callProbe);
}

function callProbe(parts: ProbeParts): Probe {
  return (to, policy, done) => {
    const { probe } = policy;
    if (probe.kind !== 'grpc') throw new Error(`a check by ${probe.kind} is not one by gRPC`);
    const message = requestFor(probe.service);
    const head = latin1Bytes(
      `POST /grpc.health.v1.Health/Check HTTP/1.1\r\nHost: ${hostOf(to)}\r\nContent-Type: application/grpc\r\n` +
        `User-Agent: rimrock-check\r\nContent-Length: ${message.length}\r\n\r\n`,
    );
    const answer = new Answer();
    const attempt = new Attempt(parts, to, policy, done, (self) => ({
      connected: () => self.send(Buffer.concat([head, message])),
      data: (bytes) => {
        const result = answer.push(bytes);
        if (result !== undefined) self.end(result);
      },
    }));
    return () => attempt.cancel();
  };
}

/** Reads one answer; undefined until it is complete. */
class Answer {
  readonly #parser = new ResponseParser(HEAD_LIMITS);
  readonly #body = new BodyReader();
  #head: Uint8Array | undefined = new Uint8Array(0);
  #payload: Uint8Array = new Uint8Array(0);
  /** gRPC status in the head, where a call failed at once. */
  #status: string | undefined;

  push(bytes: Uint8Array): ProbeResult | undefined {
    if (this.#head === undefined) return this.#push(bytes, 0);
    const parser = this.#parser;
    const all = Buffer.concat([this.#head, bytes]);
    this.#head = all;
    for (let at = 0; ;) {
      const next = parser.parse(all, at, all.length);
      if (next === INCOMPLETE) return undefined;
      if (next === FAILED) return bad('answered nothing sound');
      at = next;
      if (parser.status < 200) continue;
      if (parser.status !== 200) return bad(`answered ${parser.status}`);
      const length = responseBody(parser.fields, parser.version, parser.status, false);
      if (typeof length === 'string') return bad('answered nothing sound');
      for (let i = 0; i < parser.fields.count; i++)
        if (parser.fields.name(i) === 'grpc-status') this.#status = parser.fields.value(i);
      this.#body.begin(length);
      this.#body.onPayload = (piece, start, end) => {
        this.#payload = Buffer.concat([this.#payload, piece.subarray(start, end)]);
      };
      this.#head = undefined;
      return this.#push(all, at);
    }
  }

  #push(bytes: Uint8Array, start: number): ProbeResult | undefined {
    const body = this.#body;
    body.push(bytes, start, bytes.length);
    if (body.error !== undefined || this.#payload.length > MOST_BYTES) return bad('answered nothing sound');
    if (!body.done) return undefined;
    const status = this.#status ?? readStatus(body.trailers);
    if (status !== '0') return bad(`answered gRPC status ${status ?? 'none'}`);
    const serving = servingStatus(this.#payload);
    return { ok: serving === 'SERVING', reason: `answered ${serving}` };
  }
}

const bad = (reason: string): ProbeResult => ({ ok: false, reason });
