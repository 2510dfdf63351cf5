import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { IdentityContext } from '../../core/identity.ts';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';

/** Whom executors believe to be their agent, where it speaks TLS: the roots as a file, which is replaced when they change. */
export class ExecutorTrust {
  readonly #tls: MutualTls;
  readonly #path: string;
  readonly #log: Logger;
  #last: Promise<void> = Promise.resolve();
  #unfollow: Unsubscribe = () => {};

  constructor(tls: MutualTls, folder: string, log: Logger) {
    this.#tls = tls;
    this.#path = join(folder, 'executor-bundle.pem');
    this.#log = log;
  }

  /** Resolves when the file is there; rejects with the system's error. */
  async start(): Promise<void> {
    const { identity } = this.#tls;
    this.#unfollow = identity.onChange((context) => {
      this.#last = this.#replace(this.#last, context);
    });
    if (identity.current) await this.#write(identity.current);
  }

  async stop(): Promise<void> {
    this.#unfollow();
    await this.#last;
  }

  /** As libprocess names it (mesos-api.md §2.4); a certificate is not asked for, the token says who an executor is. */
  get environment(): Readonly<Record<string, string>> {
    return {
      LIBPROCESS_SSL_ENABLED: 'true',
      LIBPROCESS_SSL_VERIFY_SERVER_CERT: 'true',
      LIBPROCESS_SSL_CA_FILE: this.#path,
    };
  }

  async #replace(before: Promise<void>, context: IdentityContext): Promise<void> {
    await before;
    try {
      await this.#write(context);
    } catch (error) {
      this.#log.error({ error: errorText(error) }, 'executors do not get the new roots');
    }
  }

  async #write({ bundle }: IdentityContext): Promise<void> {
    // Roots are for everybody.
    await writeFile(`${this.#path}.new`, bundle.roots.join(''), { mode: 0o644 });
    await rename(`${this.#path}.new`, this.#path);
  }
}
