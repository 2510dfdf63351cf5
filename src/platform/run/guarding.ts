import type { Clock } from '../../core/clock.ts';
import type { Authorizer } from '../../core/access.ts';
import type { Access } from '../../core/http/guard.ts';
import type { Random } from '../../core/random.ts';
import type { RimrockConfig } from '../config/schema.ts';
import { platformErrors } from '../errors.ts';

type LoginConfig = RimrockConfig['auth']['login'];

/** How parts of one process log in to each other. */
export interface OwnLogin {
  readonly principal: string;
  readonly secret: string;
}

/** The principal of our own parts; its secret lives as long as the process. */
const OWN = 'rimrock';

export function newOwnLogin(random: Random): OwnLogin {
  return { principal: OWN, secret: Buffer.from(random.bytes(32)).toString('hex') };
}

/** The configuration with which our own clients of the master log in, where they have no login of their own. */
export function withLogin(config: RimrockConfig, own: OwnLogin): RimrockConfig {
  const { agent, marathon, cluster } = config;
  return {
    ...config,
    agent: agent.principal === '' ? { ...agent, ...own } : agent,
    marathon: marathon.principal === '' ? { ...marathon, ...own } : marathon,
    cluster: cluster.principal === '' && cluster.iam === undefined ? { ...cluster, ...own } : cluster,
  };
}

/** Where nobody has written rules. */
const ALLOW: Authorizer = { decide: () => ({ allowed: true, rule: 'default', version: 0 }) };

/**
 * Who is who where there are no accounts: the principals of the credentials file. Rejects where there is no file: what asks for
 * logins must not be open because nobody can judge them.
 */
export async function accessByFile(
  login: LoginConfig,
  role: string,
  clock: Clock,
  authorizer: Authorizer = ALLOW,
): Promise<Access> {
  const { credentials, openMetrics } = login;
  if (credentials === undefined) throw platformErrors.PLATFORM_NOBODY_TO_ASK({ role });
  const { principalsOf } = await import('../../auth/index.ts');
  return { authenticator: await principalsOf(credentials, clock), authorizer, openMetrics };
}

/** Whether somebody has written rules, or nothing is allowed without. */
export function hasRules({ file, mesosAcls, default: otherwise }: RimrockConfig['auth']['policy']): boolean {
  return file !== undefined || mesosAcls !== undefined || otherwise === 'deny';
}
