/**
 * Jute, the encoding of ZooKeeper: big-endian integers; buffers, strings and vectors with their length before them,
 * -1 for none. Reading is total: what does not fit makes the reader fail, and every later read of it says nothing.
 */
export class JuteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #text = new TextDecoder();
  #at = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Something did not fit into the bytes; nothing that was read counts. */
  get failed(): boolean {
    return this.#failed;
  }

  int(): number {
    return this.#take(4) ? this.#view.getInt32(this.#at - 4) : 0;
  }

  long(): bigint {
    return this.#take(8) ? this.#view.getBigInt64(this.#at - 8) : 0n;
  }

  /** A view into the bytes; empty for none. */
  buffer(): Uint8Array {
    const length = Math.max(0, this.int());
    return this.#take(length) ? this.#bytes.subarray(this.#at - length, this.#at) : new Uint8Array();
  }

  string(): string {
    return this.#text.decode(this.buffer());
  }

  strings(): string[] {
    const count = Math.max(0, this.int());
    // Each takes four bytes at least, so a count that lies costs nothing.
    if (count * 4 > this.#bytes.length - this.#at) this.#failed = true;
    const all: string[] = [];
    for (let i = 0; i < count && !this.#failed; i++) all.push(this.string());
    return all;
  }

  #take(length: number): boolean {
    if (this.#failed || length > this.#bytes.length - this.#at) {
      this.#failed = true;
      return false;
    }
    this.#at += length;
    return true;
  }
}

/** Writes one packet: the length comes first, by itself. */
export class JuteWriter {
  readonly #pieces: Uint8Array[] = [];

  int(value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value);
    this.#pieces.push(bytes);
    return this;
  }

  long(value: bigint): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, value);
    this.#pieces.push(bytes);
    return this;
  }

  bool(value: boolean): this {
    this.#pieces.push(Uint8Array.of(value ? 1 : 0));
    return this;
  }

  buffer(value: Uint8Array): this {
    this.int(value.length);
    this.#pieces.push(value);
    return this;
  }

  string(value: string): this {
    return this.buffer(new TextEncoder().encode(value));
  }

  packet(): Uint8Array {
    const length = this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
    const out = new Uint8Array(4 + length);
    new DataView(out.buffer).setInt32(0, length);
    let at = 4;
    for (const piece of this.#pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }
}

/** More than any answer that we ask for; servers refuse packets of more than 1 MiB themselves, unless told otherwise. */
const MAX_PACKET = 16 * 1024 * 1024;

/** Cuts what a server sends into packets. */
export class PacketSplitter {
  #waiting: Uint8Array = new Uint8Array();
  #failed = false;

  /** A packet had an impossible length: the other side does not speak ZooKeeper. */
  get failed(): boolean {
    return this.#failed;
  }

  /** The packets that are now complete, without their lengths. */
  push(bytes: Uint8Array): Uint8Array[] {
    const packets: Uint8Array[] = [];
    let rest = this.#waiting.length === 0 ? bytes : joined(this.#waiting, bytes);
    while (!this.#failed && rest.length >= 4) {
      const length = new DataView(rest.buffer, rest.byteOffset).getInt32(0);
      if (length < 0 || length > MAX_PACKET) this.#failed = true;
      else if (rest.length < 4 + length) break;
      else {
        packets.push(rest.slice(4, 4 + length));
        rest = rest.subarray(4 + length);
      }
    }
    // A copy: the sender may use its buffer again.
    this.#waiting = this.#failed ? new Uint8Array() : rest.slice();
    return packets;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
