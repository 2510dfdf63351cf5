import { guard } from '../core/http/guard.ts';
import type { Access } from '../core/http/guard.ts';
import type { MutualTls } from '../core/http/mutual-tls.ts';
import { addOperationalRoutes } from '../core/http/operational.ts';
import { createApi } from '../core/http/server.ts';
import type { Api } from '../core/http/server.ts';
import { GOVERNORS, identityGuard } from './api/guard-style.ts';
import { policyRoutes } from './api/policy-routes.ts';
import type { Audit } from './ca/audit.ts';
import type { Authority } from './ca/authority.ts';
import { CertificateRoom } from './ca/room.ts';
import { admitByCertificate } from './join/admission.ts';
import { OwnIdentities } from './join/own-identities.ts';
import { JoinRoom } from './join/room.ts';
import type { KeyPlace } from './keystore/types.ts';
import type { AuthModule, AuthParts, ModuleParts } from './module.ts';
import { People } from './people/people.ts';
import { PolicyKeeper } from './policy-keeper/index.ts';
import { WorkloadRoom } from './workload/room.ts';

/** Requests that may come, in bytes of their bodies. */
export const BODY_LIMIT_BYTES = 1024 * 1024;

/**
 * The inner rooms behind one API, which somebody else listens for: all is read when it opens, and forgotten when it closes. One lives as long as the
 * process where identity stays on its machine, or as long as a term where it follows the leader.
 */
export class Office {
  readonly api: Api = createApi({ bodyLimitBytes: BODY_LIMIT_BYTES });
  readonly access: Access;
  readonly policy: PolicyKeeper;
  readonly authority: Authority;
  readonly workloads: WorkloadRoom | undefined;
  readonly tls: MutualTls | undefined;
  readonly #parts: AuthParts;
  readonly #people: People;
  readonly #modules: readonly AuthModule[];
  readonly #running: AuthModule[] = [];

  /** `lent`: what outlives this office, where that is so. */
  constructor(
    parts: AuthParts,
    place: KeyPlace,
    lent?: { readonly tls: MutualTls | undefined; readonly audit: Audit },
  ) {
    this.#parts = parts;
    this.policy = new PolicyKeeper({
      ...parts,
      config: parts.config.policy,
      own: parts.own?.principal,
    });
    const certificates = new CertificateRoom(parts, this.policy, place, lent?.audit);
    this.authority = certificates.authority;
    const moduleParts: ModuleParts = { ...parts, keys: place.keys };
    this.#people = new People(moduleParts);
    this.access = { authenticator: this.#people, authorizer: this.policy };
    this.workloads =
      parts.workloads && parts.config.workload.enabled
        ? new WorkloadRoom(moduleParts, this.authority, parts.workloads)
        : undefined;
    const own = lent ? undefined : new OwnIdentities(parts, this.authority);
    this.tls = lent ? lent.tls : own?.tls;
    // In the order in which they start; they stop in the opposite order.
    this.#modules = [
      governing(this.policy),
      certificates,
      ...(own ? [own] : []),
      new JoinRoom(parts, this.authority, this.policy),
      this.#people,
      ...(this.workloads ? [this.workloads] : []),
    ];
  }

  notes(): readonly string[] {
    return this.#people.notes();
  }

  /** What fails here leaves nothing running behind. */
  async open(): Promise<void> {
    const { config, metrics, health, log } = this.#parts;
    const { api } = this;
    const access = { ...this.access, authorizer: GOVERNORS, openMetrics: config.login.openMetrics };
    admitByCertificate(api, this.tls);
    guard(api, access, identityGuard(config));
    addOperationalRoutes(api, { metrics, health });
    for (const module of this.#modules) module.routes(api);
    try {
      for (const module of this.#modules) {
        this.#running.push(module);
        await module.start();
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    if (!config.required && this.policy.policy.rules.length > 0)
      log.warn('auth.required is false: of the policy only what it says of calls to services is asked');
  }

  async close(): Promise<void> {
    await this.api.close();
    for (let module = this.#running.pop(); module; module = this.#running.pop()) await module.stop();
  }
}

function governing(policy: PolicyKeeper): AuthModule {
  return {
    routes: (api) => policyRoutes(api, policy),
    start: () => policy.start(),
    stop: () => policy.stop(),
  };
}
