import type { TransportHandler } from '../types.ts';

/** What a connection may tell. */
export type Told = 'connect' | 'data' | 'end' | 'drain' | 'close';

/** Collects what a connection tells, and lets a test wait for it. */
export class Probe implements TransportHandler {
  readonly chunks: Buffer[] = [];
  /** Set it to count bytes only. */
  keep = true;
  size = 0;
  connected = false;
  ended = false;
  closes = 0;
  drains = 0;
  error: Error | undefined;
  /** Called in every callback, last. */
  on: ((told: Told, bytes?: Uint8Array) => void) | undefined;
  #waiters: (() => void)[] = [];

  onConnect(): void {
    this.connected = true;
    this.#changed('connect');
  }
  onData(bytes: Uint8Array): void {
    this.size += bytes.length;
    if (this.keep) this.chunks.push(Buffer.from(bytes));
    this.#changed('data', bytes);
  }
  onEnd(): void {
    this.ended = true;
    this.#changed('end');
  }
  onDrain(): void {
    this.drains += 1;
    this.#changed('drain');
  }
  onClose(error: Error | undefined): void {
    this.closes += 1;
    this.error = error;
    this.#changed('close');
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
  get code(): unknown {
    return this.error && 'code' in this.error ? this.error.code : undefined;
  }
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
  #changed(told: Told, bytes?: Uint8Array): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const w of waiters) w();
    this.on?.(told, bytes);
  }
}

/** Bytes that differ from place to place. */
export function pattern(n: number, seed = 1): Buffer {
  const b = Buffer.allocUnsafe(n);
  for (let i = 0; i < n; i++) b[i] = (i * 31 + (i >> 8) * 7 + seed) & 255;
  return b;
}
