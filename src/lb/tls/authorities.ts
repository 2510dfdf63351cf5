import type { Logger } from '../../core/log.ts';
import { parseCertificates } from '../../net/index.ts';
import type { AuthoritySpec } from '../plane/messages.ts';
import type { CertificateFiles } from './files.ts';
import { reasonOf } from './reason.ts';

/** The authorities of the configuration, read from their files again and again. What cannot be used is told, and the last that could stays. */
export class Authorities {
  readonly #files: Pick<CertificateFiles, 'read'>;
  readonly #paths: ReadonlyMap<string, string>;
  readonly #log: Logger;
  readonly #roots = new Map<string, string>();
  readonly #problems = new Map<string, string>();

  constructor(paths: Readonly<Record<string, string>>, files: Pick<CertificateFiles, 'read'>, log: Logger) {
    this.#files = files;
    this.#paths = new Map(Object.entries(paths));
    this.#log = log;
  }

  get specs(): AuthoritySpec[] {
    return [...this.#roots].map(([name, roots]) => ({ name, roots }));
  }

  /** Why a file cannot be used, by its path. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** Returns whether anything is other than before. */
  async look(): Promise<boolean> {
    let changed = false;
    for (const [name, path] of this.#paths) {
      try {
        const roots = parseCertificates(await this.#files.read(path), 'the authority').join('');
        this.#problems.delete(path);
        if (this.#roots.get(name) === roots) continue;
        this.#roots.set(name, roots);
        changed = true;
      } catch (error) {
        const reason = reasonOf(error);
        if (this.#problems.get(path) === reason) continue;
        this.#problems.set(path, reason);
        this.#log.warn({ path, reason }, 'an authority cannot be used; the last good one stays');
      }
    }
    return changed;
  }
}
