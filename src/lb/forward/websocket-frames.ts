const CLOSE = 8;
const GOING_AWAY = 1001;

/** A whole Close frame of a server, which is never masked: going away (RFC 6455 §5.5.1, §7.4.1). */
export const GOODBYE: Uint8Array = Uint8Array.of(0x80 | CLOSE, 2, GOING_AWAY >> 8, GOING_AWAY & 255);

/**
 * Follows the frames of one direction of a WebSocket (RFC 6455 §5.2) by their headers, to know where one ends and a frame of our
 * own may go in between: also between the pieces of one message, where it is a control frame. Payload is not looked at.
 */
export class FrameFollower {
  /** The other side has sent Close: nothing may follow. */
  closed = false;
  /** Of the header that has begun: bytes seen, and their number as far as it is known. */
  #seen = 0;
  #headBytes = 2;
  /** Where the length ends; behind it there is at most a masking key, which servers do not send. */
  #lengthEnd = 2;
  #closes = false;
  /** Bytes of the payload that are still to come; while the header comes, the length as far as it was read. */
  #length = 0;
  #inPayload = false;

  /** What has passed so far ends with the end of a frame. */
  get between(): boolean {
    return this.#seen === 0 && !this.#inPayload;
  }

  /** These bytes pass. */
  pass(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at = this.toEnd(bytes, at);
  }

  /** Bytes pass from `start` up to where a frame ends first, or all. Returns the offset after the last of them. */
  toEnd(bytes: Uint8Array, start: number): number {
    let at = start;
    while (!this.#inPayload && at < bytes.length) {
      this.#header(bytes[at++] as number);
      if (this.between) return at;
    }
    const n = Math.min(this.#length, bytes.length - at);
    if (!this.#inPayload) return at;
    this.#length -= n;
    if (this.#length === 0) this.#end();
    return at + n;
  }

  #header(byte: number): void {
    if (this.#seen === 0) this.#closes = (byte & 15) === CLOSE;
    else if (this.#seen === 1) this.#secondByte(byte);
    else if (this.#seen < this.#lengthEnd) this.#length = this.#length * 256 + byte;
    this.#seen += 1;
    if (this.#seen < this.#headBytes) return;
    this.#inPayload = true;
    if (this.#length === 0) this.#end();
  }

  #secondByte(byte: number): void {
    const short = byte & 127;
    const more = short === 126 ? 2 : short === 127 ? 8 : 0;
    this.#length = more === 0 ? short : 0;
    this.#lengthEnd = 2 + more;
    this.#headBytes = this.#lengthEnd + (byte > 127 ? 4 : 0);
  }

  #end(): void {
    this.closed ||= this.#closes;
    this.#inPayload = false;
    this.#seen = 0;
    this.#headBytes = 2;
  }
}
