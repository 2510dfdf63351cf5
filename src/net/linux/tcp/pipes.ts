import { SOCK_CLOEXEC } from '../constants.ts';
import { PinnedMemory } from '../memory.ts';
import type { StreamCalls } from './calls.ts';
import { F_SETPIPE_SZ, O_NONBLOCK } from './constants.ts';

/** What a pipe holds: four times what it would by itself, which saves a sixth of the CPU time of a large transfer. */
export const PIPE_BYTES = 256 * 1024;
/** Pipes in use at once. */
const MOST = 128;
/** Empty ones that are kept. */
const KEEP = 32;

export interface Pipe {
  readonly out: number;
  readonly in: number;
}

/** Pipes to splice through, used again and again. They are lent while there are bytes in them only. */
export class Pipes {
  readonly #calls: StreamCalls;
  readonly #ends: PinnedMemory;
  readonly #free: Pipe[] = [];
  #lent = 0;

  constructor(calls: StreamCalls) {
    this.#calls = calls;
    this.#ends = new PinnedMemory(calls, 8);
  }

  /** An empty pipe; undefined when there are enough, or the process has no descriptors left. */
  take(): Pipe | undefined {
    const pipe = this.#free.pop() ?? this.#make();
    if (pipe) this.#lent++;
    return pipe;
  }

  #make(): Pipe | undefined {
    if (this.#lent >= MOST) return undefined;
    const { words } = this.#ends;
    if (this.#calls.pipe2(this.#ends.pointer(0), O_NONBLOCK | SOCK_CLOEXEC, words) < 0) return undefined;
    // Not granted to users who have many pipes already: then it holds less.
    this.#calls.fcntl(words[0] as number, F_SETPIPE_SZ, PIPE_BYTES);
    return { out: words[0] as number, in: words[1] as number };
  }

  /** `dirty`: bytes are left in it. */
  give(pipe: Pipe, dirty: boolean): void {
    this.#lent--;
    if (!dirty && this.#free.length < KEEP) this.#free.push(pipe);
    else this.#close(pipe);
  }

  #close(pipe: Pipe): void {
    this.#calls.close(pipe.out);
    this.#calls.close(pipe.in);
  }

  close(): void {
    for (const pipe of this.#free.splice(0)) this.#close(pipe);
  }
}
