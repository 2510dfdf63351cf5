import { chmod, mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { IdentityContext } from '../../core/identity.ts';
import type { Authority } from '../ca/authority.ts';
import { IdentityKeeper } from '../identity/keeper.ts';
import type { AuthModule, AuthParts } from '../module.ts';
import { mutualTlsOf } from './mutual.ts';

/** What the process beside the authority is called: the master, and all that runs with it. */
const MASTER = '/master';
/** Whoever may read the data folder of the master: the person before its keyboard. */
export const OPERATOR = '/operator';

/** The identities that are made where the authority is: the master's own, and the operator's in files. */
export class OwnIdentities implements AuthModule {
  /** Undefined where `auth.tls` is off. */
  readonly tls: MutualTls | undefined;
  readonly #parts: AuthParts;
  readonly #own: IdentityKeeper;
  readonly #operator: IdentityKeeper;
  /** Resolves once the master has one. */
  readonly first: Promise<void>;
  readonly #hasOwn: () => void;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: AuthParts, authority: Pick<Authority, 'issuerFor'>) {
    const { config, names = [] } = parts;
    this.#parts = parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.first = promise;
    this.#hasOwn = resolve;
    const keeper = (path: string, also: readonly string[]): IdentityKeeper =>
      new IdentityKeeper({ ...parts, issuer: authority.issuerFor({ path, names: also, by: 'rimrock' }) });
    this.#own = keeper(MASTER, names);
    this.#operator = keeper(OPERATOR, []);
    this.tls = config.tls === 'off' ? undefined : mutualTlsOf(config.tls, this.#own, parts);
  }

  routes(): void {
    // Nobody asks for them.
  }

  /** Resolves once both are there. */
  async start(): Promise<void> {
    if (!this.tls) return;
    await this.#own.start();
    this.#hasOwn();
    this.#operator.onChange((context) => {
      this.#writing = this.#writing.then(() => this.#write(context));
    });
    await this.#operator.start();
    await this.#writing;
  }

  async stop(): Promise<void> {
    this.#own.stop();
    this.#operator.stop();
    await this.#writing;
  }

  /** Certificate and key in one file, so that they are never of two renewals. */
  async #write({ svid, bundle }: IdentityContext): Promise<void> {
    const { folder, log } = this.#parts;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writePrivate(join(folder, 'bundle.pem'), bundle.roots.join(''));
      await writePrivate(join(folder, 'operator.pem'), svid.certificateChain + svid.privateKey);
    } catch (error) {
      log.error({ error: errorText(error), folder }, 'the identity of the operator could not be written');
    }
  }
}

async function writePrivate(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}
