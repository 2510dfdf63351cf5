import { link, lstat, mkdir, open, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { checkLink, entrySteps } from './names.ts';
import type { Limits } from './names.ts';

/**
 * Writes what an archive holds into a folder where nobody else writes. Links are made at the end, so that nothing is ever written through one;
 * owners, set-id bits and times of the archive count for nothing. Every method throws in words for people.
 */
export class TreeWriter {
  readonly #root: string;
  readonly #limits: Limits;
  readonly #signal: AbortSignal;
  readonly #links = new Map<string, { readonly steps: readonly string[]; readonly target: string }>();
  readonly #hard = new Map<string, { readonly steps: readonly string[]; readonly of: readonly string[] }>();
  #entries = 0;
  #bytes = 0;

  constructor(root: string, limits: Limits, signal: AbortSignal) {
    this.#root = root;
    this.#limits = limits;
    this.#signal = signal;
  }

  async folder(name: string): Promise<void> {
    const steps = this.#begin(name);
    await this.#forget(steps);
    await mkdir(this.#at(steps), { recursive: true, mode: 0o755 });
  }

  /** Resolves with the bytes that came. */
  async file(name: string, mode: number, content: AsyncIterable<Uint8Array>): Promise<number> {
    const steps = this.#begin(name);
    if (steps.length === 0) throw new Error(`'${name}' is no name for a file`);
    await this.#forget(steps);
    await mkdir(this.#at(steps.slice(0, -1)), { recursive: true, mode: 0o755 });
    const file = await open(this.#at(steps), 'w', 0o600);
    let bytes = 0;
    try {
      for await (const chunk of content) {
        this.#signal.throwIfAborted();
        bytes += chunk.byteLength;
        this.#bytes += chunk.byteLength;
        if (this.#bytes > this.#limits.maxBytes)
          throw new Error(
            `it unpacks to more than ${this.#limits.maxBytes} bytes; agent.fetcher.maxBytes says how much is allowed`,
          );
        await file.writeFile(chunk);
      }
      await file.chmod((mode & 0o777) | 0o600);
    } finally {
      await file.close();
    }
    return bytes;
  }

  async link(name: string, target: string): Promise<void> {
    const steps = this.#begin(name);
    if (steps.length === 0) throw new Error(`'${name}' is no name for a link`);
    checkLink(steps, target);
    await this.#forget(steps);
    this.#links.set(steps.join('/'), { steps, target });
  }

  /** Another name of a file of the same archive. */
  async hardLink(name: string, of: string): Promise<void> {
    const steps = this.#begin(name);
    const existing = entrySteps(of);
    await this.#forget(steps);
    this.#hard.set(steps.join('/'), { steps, of: existing });
  }

  /** Make the links. */
  async finish(): Promise<void> {
    for (const { steps, of } of this.#hard.values()) {
      const existing = this.#at(of);
      const there = await lstat(existing).catch(() => undefined);
      if (there?.isFile() !== true)
        throw new Error(
          `'${steps.join('/')}' is another name of '${of.join('/')}', which is no file in there`,
        );
      await this.#make(steps, (at) => link(existing, at));
    }
    for (const { steps, target } of this.#links.values())
      await this.#make(steps, (at) => symlink(target, at));
  }

  async #make(steps: readonly string[], make: (at: string) => Promise<void>): Promise<void> {
    this.#signal.throwIfAborted();
    await mkdir(this.#at(steps.slice(0, -1)), { recursive: true, mode: 0o755 });
    await make(this.#at(steps));
  }

  #begin(name: string): string[] {
    this.#signal.throwIfAborted();
    this.#entries++;
    if (this.#entries > this.#limits.maxFiles)
      throw new Error(
        `it holds more than ${this.#limits.maxFiles} files; agent.fetcher.maxFiles says how many are allowed`,
      );
    return entrySteps(name);
  }

  /** A later entry of the same name takes the place of the earlier one; a folder stays. */
  async #forget(steps: readonly string[]): Promise<void> {
    const name = steps.join('/');
    this.#links.delete(name);
    this.#hard.delete(name);
    const there = await lstat(this.#at(steps)).catch(() => undefined);
    if (there !== undefined && !there.isDirectory()) await rm(this.#at(steps));
  }

  #at(steps: readonly string[]): string {
    return join(this.#root, ...steps);
  }
}
