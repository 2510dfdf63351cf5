import type { Transport, TransportHandler } from '../../net/index.ts';
import type { Carried } from './counts.ts';
import type { Shared } from './shared.ts';

/** Where the other end of a pipe is found. */
export interface FarEnd {
  /** Begin to connect; undefined: there is nowhere to go, or nowhere else. */
  next(handler: TransportHandler): Transport | undefined;
  /** What `next` gave was not to be had. Nobody has seen a byte. */
  failed(error: Error): void;
  /** The last thing that is heard of this pipe. */
  over(): void;
}

/** One end's events, told to the pipe. */
class Side implements TransportHandler {
  readonly #pipe: Pipe;
  readonly #isNear: boolean;

  constructor(pipe: Pipe, isNear: boolean) {
    this.#pipe = pipe;
    this.#isNear = isNear;
  }

  onConnect(): void {
    this.#pipe.onConnect();
  }
  onData(bytes: Uint8Array): void {
    this.#pipe.onData(this.#isNear, bytes);
  }
  onEnd(): void {
    this.#pipe.onEnd(this.#isNear);
  }
  onDrain(): void {
    this.#pipe.onDrain(this.#isNear);
  }
  onClose(error: Error | undefined): void {
    this.#pipe.onClose(this.#isNear, error);
  }
}

/**
 * One connection that came, joined to one that is opened for it. Until that is there others are tried, for none has seen a byte. Each
 * side ends on its own; whoever is slow holds up the other; an error on one is an error on the other.
 */
export class Pipe {
  readonly handler: TransportHandler = new Side(this, true);
  lastActive: number;
  readonly #shared: Shared;
  readonly #kind: Carried;
  readonly #near: Transport;
  readonly #ends: FarEnd;
  #far: Transport | undefined;
  #connected = false;
  #nearEnded = false;
  #over = false;

  constructor(shared: Shared, kind: Carried, near: Transport, ends: FarEnd) {
    this.#shared = shared;
    this.#kind = kind;
    this.#near = near;
    this.#ends = ends;
    this.lastActive = shared.parts.clock.monotonic();
    shared.pipes.add(this);
    shared.counts.begun(kind);
  }

  begin(): void {
    this.#near.pause();
    this.#attempt();
  }

  /** Cut it, with a reset on both sides. */
  destroy(error: Error): void {
    if (this.#over) return;
    this.#finish();
    this.#near.destroy(error);
    this.#far?.destroy(error);
  }

  #attempt(): void {
    this.#far = this.#ends.next(new Side(this, false));
    if (this.#far === undefined) this.destroy(new Error('nobody is to be had at the other end'));
  }

  onConnect(): void {
    if (this.#over) return;
    this.#connected = true;
    this.#alive();
    if (this.#nearEnded) this.#far?.end();
    this.#near.resume();
  }

  onData(isNear: boolean, bytes: Uint8Array): void {
    this.#alive();
    const [from, to] = isNear ? [this.#near, this.#far] : [this.#far, this.#near];
    if (to?.write(bytes) === false) from?.pause();
  }

  onDrain(isNear: boolean): void {
    this.#alive();
    if (isNear) this.#far?.resume();
    else if (this.#connected) this.#near.resume();
  }

  onEnd(isNear: boolean): void {
    this.#alive();
    if (!isNear) return this.#near.end();
    this.#nearEnded = true;
    if (this.#connected) this.#far?.end();
  }

  onClose(isNear: boolean, error: Error | undefined): void {
    if (this.#over) return;
    if (!isNear && !this.#connected) {
      this.#ends.failed(error ?? new Error('closed at once'));
      return this.#attempt();
    }
    if (error !== undefined || !this.#connected)
      return this.destroy(error ?? new Error('the other end has left'));
    // A clean end: what was written to the other side still leaves.
    const other = isNear ? this.#far : this.#near;
    if (other === undefined || other.closed) this.#finish();
    else other.end();
  }

  #alive(): void {
    this.lastActive = this.#shared.parts.clock.monotonic();
  }

  #finish(): void {
    this.#over = true;
    this.#shared.pipes.delete(this);
    this.#shared.counts.ended(this.#kind);
    this.#ends.over();
  }
}
