import type { Authorizer } from '../../core/access.ts';
import type { Api } from '../../core/http/server.ts';
import type { Authority } from '../ca/authority.ts';
import type { AuthModule, AuthParts } from '../module.ts';
import { Rates } from '../workload/rates.ts';
import { addJoinRoutes } from './routes.ts';
import { JoinTokens } from './tokens.ts';

/** Requests of those who have no certificate any more: each costs a signature, and a look at all tokens. */
const MOST_A_SECOND = 20;

/** Join tokens, and what is bought with them. */
export class JoinRoom implements AuthModule {
  readonly #parts: AuthParts;
  readonly #authority: Authority;
  readonly #authorizer: Authorizer;

  constructor(parts: AuthParts, authority: Authority, authorizer: Authorizer) {
    this.#parts = parts;
    this.#authority = authority;
    this.#authorizer = authorizer;
  }

  routes(api: Api): void {
    const { log, clock, config } = this.#parts;
    const { join: settings, ca } = config;
    addJoinRoutes(api, {
      authority: this.#authority,
      authorizer: this.#authorizer,
      tokens: new JoinTokens(this.#parts),
      log,
      clock,
      renewableMs: settings.graceSeconds === 0 ? 0 : (ca.leafSeconds + settings.graceSeconds) * 1000,
      rates: new Rates(clock, MOST_A_SECOND),
    });
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}
}
