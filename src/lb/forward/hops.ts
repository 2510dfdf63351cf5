import { FieldId, latin1Bytes } from '../http1/index.ts';
import type { Fields, HeadWriter } from '../http1/index.ts';
import type { Random } from '../../core/random.ts';
import type { Admitted } from './admit.ts';
import { TraceIds } from './made-id.ts';
import type { MadeId } from './made-id.ts';
import type { ViaPolicy } from './via.ts';

/** Which fields that identify a request are made where it has none. */
export interface TracingPolicy {
  readonly traceparent: boolean;
  readonly requestId: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_PARENT = '0'.repeat(16);

/** The trace id of a `traceparent` field (W3C Trace Context §3.2); undefined when it does not hold. */
export function traceIdOf(value: string): string | undefined {
  const parts = TRACEPARENT.exec(value);
  if (parts === null) return undefined;
  const [, version, trace, parent, more] = parts;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  return trace === NO_TRACE || parent === NO_PARENT ? undefined : trace;
}

/** A line that is always the same but for the digits in it. */
class Line {
  readonly bytes: Uint8Array;
  readonly digits: DataView;

  constructor(text: string) {
    this.bytes = latin1Bytes(text);
    this.digits = new DataView(this.bytes.buffer);
  }
}

const REQUEST_ID = /^[\x21-\x7e]{1,200}$/;
const TRACE_FIELDS = (1 << FieldId.TRACEPARENT) | (1 << FieldId.TRACESTATE);

/** What we tell the next hop about the way of a request: Via, traceparent, x-request-id. */
export class Hops {
  readonly #via11: Uint8Array;
  readonly #via10: Uint8Array;
  readonly #traceparent = new Line(`traceparent: 00-${NO_TRACE}-${NO_PARENT}-00\r\n`);
  readonly #requestId = new Line(`x-request-id: ${NO_TRACE}\r\n`);
  readonly #tracing: TracingPolicy;
  readonly #ids: TraceIds;

  constructor(via: ViaPolicy, tracing: TracingPolicy, random: Random) {
    this.#via11 = latin1Bytes(`Via: 1.1 ${via.name}\r\n`);
    this.#via10 = latin1Bytes(`Via: 1.0 ${via.name}\r\n`);
    this.#tracing = tracing;
    this.#ids = new TraceIds(random);
  }

  /**
   * Note which trace and request this is, and say which of the fields that tell it go: those that do not hold, and an
   * x-request-id of somebody who is not trusted, for it would name a request in our log.
   */
  drop(fields: Fields, request: Admitted, trusted: boolean): number {
    const { present } = fields;
    let drop = 0;
    if ((present & TRACE_FIELDS) !== 0) {
      if (fields.countOf(FieldId.TRACEPARENT) === 1)
        request.traceId = traceIdOf(fields.value(fields.find(FieldId.TRACEPARENT)));
      if (request.traceId === undefined) drop |= TRACE_FIELDS;
    }
    if ((present & (1 << FieldId.X_REQUEST_ID)) !== 0) {
      const id = fields.value(fields.find(FieldId.X_REQUEST_ID));
      if (trusted && REQUEST_ID.test(id) && fields.countOf(FieldId.X_REQUEST_ID) === 1)
        request.requestId = id;
      else drop |= 1 << FieldId.X_REQUEST_ID;
    }
    return drop;
  }

  /** After `drop`: the fields that are missing, and our own Via. What a middleware sets is not written twice. */
  write(out: HeadWriter, version: number, request: Admitted): void {
    const { traceparent, requestId } = this.#tracing;
    const taken = request.passage?.drop;
    out.raw(version < 11 ? this.#via10 : this.#via11);
    if (traceparent && request.traceId === undefined && taken?.has('traceparent') !== true) {
      const { bytes, digits } = this.#traceparent;
      const made = this.#ids.trace();
      made.put(digits, 16);
      this.#ids.putParent(digits, 49);
      request.traceId = made;
      out.raw(bytes);
    }
    if (requestId && request.requestId === undefined && taken?.has('x-request-id') !== true) {
      request.requestId = request.traceId ?? this.#ids.trace();
      this.#writeRequestId(out, request.requestId);
    }
  }

  #writeRequestId(out: HeadWriter, id: string | MadeId): void {
    if (typeof id === 'string') {
      out.text('x-request-id: ').text(id).text('\r\n');
      return;
    }
    const { bytes, digits } = this.#requestId;
    id.put(digits, 14);
    out.raw(bytes);
  }
}
