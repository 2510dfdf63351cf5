import type { Clock } from '../../core/clock.ts';
import type { TaskFacts } from '../../core/identity.ts';
import type { Authority } from '../ca/authority.ts';
import type { IssuedChain } from '../identity/issuer.ts';
import type { WorkloadSources } from '../module.ts';
import type { SigningKeys } from '../tokens/signing-keys.ts';
import { provenKey } from '../x509/csr.ts';
import { workloadErrors } from './errors.ts';
import { makeJwtSvid } from './jwt-svid.ts';
import { Rates } from './rates.ts';
import { taskPath } from './task-id.ts';
import type { JwtSvid, TaskClaim } from './task-authority.ts';

export interface SignerParts extends WorkloadSources {
  readonly authority: Authority;
  readonly keys: SigningKeys;
  readonly settings: {
    readonly trustDomain: string;
    /** Of the path of a task's id. */
    readonly id: string;
    readonly jwtSeconds: number;
    readonly signaturesPerSecond: number;
    /** `iss` of tokens, under which others find how to verify them. */
    readonly issuer: string;
  };
  readonly clock: Clock;
}

/** As RFC 1123 §2.1 has host names: what others may put into a certificate's check. */
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const MOST_NAMES = 16;
const MOST_AUDIENCES = 16;
const LONGEST_AUDIENCE = 1024;

/**
 * Signs for tasks what the master knows of them. Who asks says which task is meant and brings a key; id, names and lifetime come from
 * here, so that a request for somebody else's id cannot be expressed. A request that is sent again gets a certificate for the same
 * key again, which is of no use without that key.
 */
export class TaskSigner {
  readonly #parts: SignerParts;
  readonly #rates: Rates;
  readonly counts = { certificates: 0, tokens: 0, refused: 0 };

  constructor(parts: SignerParts) {
    this.#parts = parts;
    this.#rates = new Rates(parts.clock, parts.settings.signaturesPerSecond);
  }

  /** `request`: PKCS#10, PEM. Throws AUTH_SIGN_BAD_REQUEST, AUTH_SIGN_NO_TASK, AUTH_SIGN_TOO_MANY, AUTH_CA_*. */
  sign(claim: TaskClaim, request: string): IssuedChain {
    return this.#counted(() => {
      const task = this.#find(claim);
      const publicKey = provenKey(request);
      if (publicKey === undefined)
        throw workloadErrors.AUTH_SIGN_BAD_REQUEST({ reason: 'the request does not prove a key' });
      const { authority } = this.#parts;
      const issued = authority.issue({
        publicKey,
        path: this.#pathOf(task),
        names: this.#namesOf(task),
        by: `agent:${task.agentId}`,
      });
      this.counts.certificates++;
      return issued;
    });
  }

  /** Rejects with AUTH_SIGN_BAD_REQUEST, AUTH_SIGN_NO_TASK, AUTH_SIGN_TOO_MANY. */
  async signJwt(claim: TaskClaim, audience: readonly string[]): Promise<JwtSvid> {
    const { settings, keys, clock } = this.#parts;
    const id = this.#counted(() => {
      const task = this.#find(claim);
      const bad = audienceProblem(audience);
      if (bad !== undefined) throw workloadErrors.AUTH_SIGN_BAD_REQUEST({ reason: bad });
      return `spiffe://${settings.trustDomain}${this.#pathOf(task)}`;
    });
    const lifetimeMs = settings.jwtSeconds * 1000;
    const says = { id, issuer: settings.issuer, audience, nowMs: clock.now(), lifetimeMs };
    const signed = await makeJwtSvid(await keys.current(), says);
    this.counts.tokens++;
    return signed;
  }

  #find({ agentId, frameworkId, taskId }: TaskClaim): TaskFacts {
    if (!this.#rates.take(agentId)) throw workloadErrors.AUTH_SIGN_TOO_MANY({ agentId });
    const task = this.#parts.tasks.find(agentId, frameworkId, taskId);
    if (!task) throw workloadErrors.AUTH_SIGN_NO_TASK({ agentId, frameworkId, taskId });
    return task;
  }

  #pathOf(task: TaskFacts): string {
    return taskPath(this.#parts.settings.id, task);
  }

  #namesOf(task: TaskFacts): readonly string[] {
    const names = new Set<string>();
    for (const name of this.#parts.namesOf(task)) {
      const plain = name.toLowerCase().replace(/\.$/, '');
      if (HOST_NAME.test(plain)) names.add(plain);
      if (names.size === MOST_NAMES) break;
    }
    return [...names];
  }

  #counted<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.counts.refused++;
      throw error;
    }
  }
}

/** What is wrong with the audience of a token; undefined when nothing is. */
export function audienceProblem(audience: readonly string[]): string | undefined {
  if (audience.length === 0) return 'a token needs an audience';
  if (audience.length > MOST_AUDIENCES) return `more than ${MOST_AUDIENCES} audiences`;
  const bad = audience.find((one) => one === '' || one.length > LONGEST_AUDIENCE);
  return bad === undefined ? undefined : 'an audience is empty or too long';
}
