import { errorText } from '../../core/errors.ts';
import type { IdentityContext } from '../../core/identity.ts';
import { svidJudge } from '../../net/index.ts';
import type { JudgePeer, SecureContext, SecureContextOptions } from '../../net/index.ts';
import type { PlaneParts } from './shared.ts';

/** How a task presents itself, and whom it believes: what is made of it is replaced as a whole, for handshakes from then on. */
export class TaskIdentity {
  readonly #parts: PlaneParts;
  readonly #guards: boolean;
  #server: SecureContext | undefined;
  #client: SecureContext | undefined;
  #trustDomain = '';

  /** `guards`: whether it is a server at all. */
  constructor(parts: PlaneParts, identity: IdentityContext | undefined, guards: boolean) {
    this.#parts = parts;
    this.#guards = guards;
    if (identity) this.replace(identity);
  }

  /** Undefined: there is none yet. */
  get server(): SecureContext | undefined {
    return this.#server;
  }

  get client(): SecureContext | undefined {
    return this.#client;
  }

  /** Takes whoever has an identity of the trust domain; with `id` nobody else. */
  judge(id?: string): JudgePeer {
    return svidJudge(this.#trustDomain, id);
  }

  /** From now on. One that cannot be used leaves what is there. */
  replace({ svid, bundle }: IdentityContext): void {
    const { certificateChain, privateKey } = svid;
    const terms = {
      certificateChain,
      privateKey,
      trust: bundle.roots.join('\n'),
      verify: 'require',
    } as const;
    try {
      const server = this.#guards ? this.#make({ kind: 'server', ...terms }) : undefined;
      const client = this.#make({ kind: 'client', ...terms });
      this.close();
      [this.#server, this.#client] = [server, client];
      this.#trustDomain = bundle.trustDomain;
    } catch (error) {
      this.#parts.log.error(
        { id: svid.id, error: errorText(error) },
        'the identity of a task cannot be used',
      );
    }
  }

  /** Connections that are open go on. */
  close(): void {
    this.#server?.close();
    this.#client?.close();
    this.#server = undefined;
    this.#client = undefined;
  }

  #make(options: SecureContextOptions): SecureContext {
    const context = this.#parts.reactor.secureContext?.(options);
    if (context === undefined) throw new Error('this engine has no TLS');
    return context;
  }
}
