import { join } from 'node:path';
import { addCaRoutes } from '../api/ca-routes.ts';
import type { Authorizer } from '../../core/access.ts';
import type { Api } from '../../core/http/server.ts';
import type { KeyPlace } from '../keystore/types.ts';
import type { AuthModule, AuthParts } from '../module.ts';
import { FileAudit } from './audit.ts';
import type { Audit } from './audit.ts';
import type { AuthConfig } from '../config.ts';
import { Authority } from './authority.ts';
import { exposeAuthorityMetrics } from './metrics.ts';
import type { AuthoritySettings } from './parts.ts';

const AUDIT_FILES = 5;

/** Audit log and the certificate authority, as the configuration wants them. */
export class CertificateRoom implements AuthModule {
  readonly #parts: AuthParts;
  readonly #authorizer: Authorizer;
  readonly #audit: Audit;
  readonly #closes: boolean;
  readonly #place: KeyPlace;
  readonly authority: Authority;

  /** `audit`: of the process, where that outlives this room. */
  constructor(parts: AuthParts, authorizer: Authorizer, place: KeyPlace, audit?: Audit) {
    const { config, health, metrics } = parts;
    this.#parts = parts;
    this.#authorizer = authorizer;
    this.#place = place;
    this.#audit = audit ?? openAudit(parts);
    this.#closes = audit === undefined;
    this.authority = new Authority({
      ...parts,
      keys: place.keys,
      audit: this.#audit,
      settings: settingsOf(config),
    });
    exposeAuthorityMetrics(metrics, this.authority, this.#audit);
    health.require('authority', () => {
      const alarm = this.authority.alarm();
      return alarm === undefined ? { ok: true } : { ok: false, detail: alarm };
    });
  }

  routes(api: Api): void {
    const { random, log } = this.#parts;
    addCaRoutes(api, {
      authority: this.authority,
      audit: this.#audit,
      authorizer: this.#authorizer,
      random,
      log,
    });
  }

  async start(): Promise<void> {
    await this.#place.open();
    await this.authority.start();
  }

  async stop(): Promise<void> {
    await this.authority.stop();
    if (this.#closes) await this.#audit.close();
  }
}

/** The log of what is issued on this machine. */
export function openAudit({ config, folder, log }: AuthParts): Audit {
  const limits = { maxBytes: config.ca.auditMegabytes * 1_000_000, files: AUDIT_FILES };
  return new FileAudit(join(folder, 'audit.log'), log, limits);
}

export function settingsOf({ trustDomain, ca }: AuthConfig): AuthoritySettings {
  return {
    trustDomain,
    rootMs: ca.rootDays * 86_400_000,
    intermediateMs: ca.intermediateSeconds * 1000,
    leafMs: ca.leafSeconds * 1000,
    spreadMs: ca.spreadSeconds * 1000,
  };
}
