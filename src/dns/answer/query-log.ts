/** One sample in bytes: family, address, transport, response code, type, microseconds, name. At most this many. */
export const SAMPLE_BYTES = 1 + 16 + 1 + 2 + 2 + 4 + 255;

const TRANSPORTS = ['udp', 'tcp'] as const;
const NAME_AT = 26;

/** Picks every nth query, so that a busy server can be watched at bounded cost. */
export class QuerySampler {
  readonly #every: number;
  #left: number;

  /** `sampleEvery` 0: none. `start` spreads the threads, so that they do not all pick at once. */
  constructor(sampleEvery: number, start = 0) {
    this.#every = sampleEvery;
    this.#left = sampleEvery === 0 ? Infinity : 1 + (start % sampleEvery);
  }

  /** Called once for each query: whether this one is to be packed. */
  due(): boolean {
    if (--this.#left > 0) return false;
    this.#left = this.#every;
    return true;
  }
}

/**
 * Write one sample to `out[at]`, where `SAMPLE_BYTES` must fit. The name is `name[nameAt, nameAt + nameLength)` in wire form,
 * uncompressed. Returns how many bytes it took.
 */
export function packSample(
  out: Uint8Array,
  at: number,
  address: Uint8Array,
  addressAt: number,
  addressBytes: number,
  tcp: boolean,
  name: Uint8Array,
  nameAt: number,
  nameLength: number,
  type: number,
  rcode: number,
  us: number,
): number {
  const time = us > 0xffff_ffff ? 0xffff_ffff : us;
  out[at] = addressBytes;
  for (let i = 0; i < 16; i++) out[at + 1 + i] = i < addressBytes ? (address[addressAt + i] as number) : 0;
  out[at + 17] = tcp ? 1 : 0;
  put16(out, at + 18, rcode);
  put16(out, at + 20, type);
  put16(out, at + 22, time >>> 16);
  put16(out, at + 24, time & 0xffff);
  for (let i = 0; i < nameLength; i++) out[at + NAME_AT + i] = name[nameAt + i] as number;
  return NAME_AT + nameLength;
}

export interface QuerySample {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly transport: 'udp' | 'tcp';
  readonly rcode: number;
  readonly type: number;
  /** How long the answer took. */
  readonly us: number;
  /** In wire form. */
  readonly name: Uint8Array;
}

/** A sample that `packSample` wrote as `bytes`; undefined when it cannot be one. The parts are views of `bytes`. */
export function unpackSample(bytes: Uint8Array): QuerySample | undefined {
  const family = bytes[0];
  const transport = TRANSPORTS[bytes[17] ?? 2];
  if ((family !== 4 && family !== 16) || transport === undefined) return undefined;
  if (bytes.length > SAMPLE_BYTES || !isWholeName(bytes, NAME_AT)) return undefined;
  return {
    address: bytes.subarray(1, 1 + family),
    transport,
    rcode: get16(bytes, 18),
    type: get16(bytes, 20),
    us: get16(bytes, 22) * 0x10000 + get16(bytes, 24),
    name: bytes.subarray(NAME_AT),
  };
}

function isWholeName(bytes: Uint8Array, at: number): boolean {
  let next = at;
  for (let n = bytes[next]; n !== 0; n = bytes[next]) {
    if (n === undefined || n > 63) return false;
    next += n + 1;
  }
  return next === bytes.length - 1;
}

function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

function get16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
