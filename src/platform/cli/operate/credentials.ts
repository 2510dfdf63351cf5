import type { RimrockConfig } from '../../config/schema.ts';
import type { World } from '../../world.ts';
import { readLogin } from '../identity/login-file.ts';

export interface Login {
  /** For the header Authorization. */
  readonly header: string;
  /** For a person, should it be refused. */
  readonly what: string;
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Who asks: a token that is given; a principal; the login that is kept, which goes only to the host that it is from; what a configuration
 * says. Undefined: nobody.
 */
export async function loginFor(
  world: World,
  origins: readonly string[],
  given: string | undefined,
  cluster: RimrockConfig['cluster'] | undefined,
): Promise<Login | undefined> {
  const { RIMROCK_TOKEN, RIMROCK_PRINCIPAL, RIMROCK_SECRET = '' } = world.environment;
  const token = given ?? RIMROCK_TOKEN;
  if (token) return { header: `token=${token}`, what: 'this token' };
  if (RIMROCK_PRINCIPAL) return basic(RIMROCK_PRINCIPAL, RIMROCK_SECRET);
  const kept = await readLogin(world);
  if (kept?.token !== undefined && origins.every((origin) => hostOf(origin) === hostOf(kept.api)))
    return { header: `token=${kept.token}`, what: `the login of ${kept.uid}, which may be over` };
  return cluster && cluster.principal !== '' ? basic(cluster.principal, cluster.secret) : undefined;
}

function basic(principal: string, secret: string): Login {
  const proof = Buffer.from(`${principal}:${secret}`).toString('base64');
  return { header: `Basic ${proof}`, what: `the secret of principal ${principal}` };
}

/** All names of this machine itself are one. */
function hostOf(url: string): string {
  const host = URL.canParse(url) ? new URL(url).hostname : url;
  return LOOPBACK.has(host) ? 'localhost' : host;
}
