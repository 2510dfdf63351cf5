/** Of grpc.health.v1.HealthCheckResponse.ServingStatus. */
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
/** Length-prefixed message of gRPC: one byte for compression, four for the length. */
const PREFIX_BYTES = 5;
const FIELD_1_BYTES = 0x0a;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** HealthCheckRequest as the body of a call: field 1 is the name of the service. */
export function requestFor(service: string): Uint8Array {
  const name = new TextEncoder().encode(service);
  const field = name.length === 0 ? [] : [FIELD_1_BYTES, ...varint(name.length), ...name];
  const { length } = field;
  return Uint8Array.from([0, length >>> 24, length >>> 16, length >>> 8, length, ...field]);
}

/**
 * What HealthCheckResponse, as the body of an answer, says in its field 1; a field that is absent is 0. `nonsense` when it is
 * no such message.
 */
export function servingStatus(body: Uint8Array): (typeof STATUSES)[number] | 'nonsense' {
  if (body.length < PREFIX_BYTES || body[0] !== 0) return 'nonsense';
  const length = new DataView(body.buffer, body.byteOffset).getUint32(1);
  if (length !== body.length - PREFIX_BYTES) return 'nonsense';
  const reader = new Reader(body, PREFIX_BYTES);
  let status = 0;
  while (!reader.ended) {
    const tag = reader.varint();
    if (tag === 1 << 3) status = reader.varint();
    else reader.skip(tag & 7);
  }
  return reader.failed ? 'nonsense' : (STATUSES[status] ?? 'UNKNOWN');
}

/** The value of grpc-status in a trailer section. */
export function readStatus(trailers: Uint8Array | undefined): string | undefined {
  if (trailers === undefined) return undefined;
  const text = String.fromCharCode(...trailers);
  return /^grpc-status:[ \t]*(\d+)[ \t]*\r$/im.exec(text)?.[1];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return bytes;
}

/** Reads the wire format of Protocol Buffers; past the end, or where it is none, it has `failed` and ended. */
class Reader {
  failed = false;
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get ended(): boolean {
    return this.failed || this.#at === this.#bytes.length;
  }

  /** Exact below 2^53, which is more than any status or length that can be meant. */
  varint(): number {
    let value = 0;
    for (let scale = 1, n = 0; n < 10; n++, scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    this.failed = true;
    return 0;
  }

  skip(type: number): void {
    if (type === VARINT) this.varint();
    else if (type === FIXED64) this.#at += 8;
    else if (type === FIXED32) this.#at += 4;
    else if (type === BYTES) {
      const length = this.varint();
      this.#at += length;
    } else this.failed = true;
    if (this.#at > this.#bytes.length) this.failed = true;
  }
}
