import { copyOf } from './bytes.ts';

/** DNS messages on a byte stream: each behind its length in two bytes (RFC 1035 §4.2.2). */
export class MessageFramer {
  #rest: Uint8Array = new Uint8Array(0);

  /** Add what arrived and take out every whole message. They are copies and may be kept. */
  push(bytes: Uint8Array): Uint8Array[] {
    let data = bytes;
    if (this.#rest.length > 0) {
      data = new Uint8Array(this.#rest.length + bytes.length);
      data.set(this.#rest);
      data.set(bytes, this.#rest.length);
    }
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at + 2 <= data.length) {
      const end = at + 2 + ((data[at] as number) << 8) + (data[at + 1] as number);
      if (end > data.length) break;
      messages.push(copyOf(data, at + 2, end));
      at = end;
    }
    this.#rest = copyOf(data, at);
    return messages;
  }

  /** A message has begun and is not whole yet. */
  get partial(): boolean {
    return this.#rest.length > 0;
  }
}

/** A message with its length in front. At most 65535 bytes. */
export function framed(message: Uint8Array): Uint8Array {
  const out = new Uint8Array(message.length + 2);
  out[0] = message.length >> 8;
  out[1] = message.length;
  out.set(message, 2);
  return out;
}
