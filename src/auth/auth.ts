import { errorText } from '../core/errors.ts';
import type { Access } from '../core/http/guard.ts';
import type { MutualTls } from '../core/http/mutual-tls.ts';
import { listen } from '../core/http/server.ts';
import type { Api } from '../core/http/server.ts';
import type { Component } from '../core/lifecycle.ts';
import type { LivePolicy } from '../core/policy/types.ts';
import type { Authority } from './ca/authority.ts';
import { authErrors } from './errors.ts';
import { keysInFiles } from './keystore/file-place.ts';
import type { AuthParts } from './module.ts';
import { Office } from './office.ts';
import type { TaskAuthority } from './workload/task-authority.ts';

export interface Auth extends Component {
  /** Valid once started. */
  readonly address: { readonly host: string; readonly port: number };
  /** Who is who, and who may do what, for every API of the process. */
  readonly access: Access;
  /** The same policy, for those who keep a part of it themselves. */
  readonly policy: LivePolicy;
  /** Issues identities, and says whom to believe; valid once started. */
  readonly authority: Authority;
  /** Issues identities of tasks to agents of this process; undefined where tasks get none. */
  readonly workloads: TaskAuthority | undefined;
  /** How the parts beside it speak to others; undefined where `auth.tls` is off. Its identity is there once started. */
  readonly tls: MutualTls | undefined;
  /** What whoever starts it has to know, and nobody is told again; valid once started. */
  notes(): readonly string[];
}

/** Who is who, and who may do what: the authority, people, tokens and policy behind one HTTP API. */
export function createAuth(parts: AuthParts): Auth {
  return new AuthRoom(parts);
}

class AuthRoom implements Auth {
  readonly name = 'auth';
  readonly #parts: AuthParts;
  readonly #office: Office;
  #port: number;

  constructor(parts: AuthParts) {
    this.#parts = parts;
    this.#port = parts.config.port;
    this.#office = new Office(parts, keysInFiles(parts));
  }

  get access(): Access {
    return this.#office.access;
  }

  get policy(): LivePolicy {
    return this.#office.policy;
  }

  get authority(): Authority {
    return this.#office.authority;
  }

  get workloads(): TaskAuthority | undefined {
    return this.#office.workloads;
  }

  get tls(): MutualTls | undefined {
    return this.#office.tls;
  }

  notes(): readonly string[] {
    return this.#office.notes();
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: this.#parts.config.host, port: this.#port };
  }

  async start(): Promise<void> {
    const { config, log } = this.#parts;
    const { tls } = this;
    try {
      await this.#office.open();
      this.#port = await listenAt(this.#office.api, config, tls);
    } catch (error) {
      await this.stop();
      throw error;
    }
    log.info(this.address, 'identity API listens');
  }

  stop(): Promise<void> {
    return this.#office.close();
  }
}

/** Rejects with AUTH_LISTEN_FAILED. */
export async function listenAt(
  api: Api,
  { host, port }: AuthParts['config'],
  tls: MutualTls | undefined,
): Promise<number> {
  return listen(api, host, port, undefined, { tls, anonymous: true }).catch((error: unknown) => {
    throw authErrors.AUTH_LISTEN_FAILED({ host, port, reason: errorText(error) }, error);
  });
}
