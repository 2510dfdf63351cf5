import type { Clock } from '../../core/clock.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { ClusterConfig } from '../config.ts';
import { IamLogin } from './iam.ts';

/** What proves to a master who we are. */
export interface Credentials {
  headers(): Promise<Readonly<Record<string, string>>>;
  /** They were refused: whether asking again may give better ones. */
  renew(): boolean;
}

/** As the configuration says: a service account, a principal with its secret, or none. */
export function createCredentials(
  config: Pick<ClusterConfig, 'iam' | 'principal' | 'secret'>,
  parts: { readonly clock: Clock; readonly http: HttpClient },
): Credentials | undefined {
  if (config.iam) return new IamLogin({ ...parts, account: config.iam });
  if (config.principal === '' && config.secret === '') return undefined;
  const authorization = `Basic ${Buffer.from(`${config.principal}:${config.secret}`).toString('base64')}`;
  return { headers: async () => ({ authorization }), renew: () => false };
}
