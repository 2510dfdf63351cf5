import { join, resolve } from 'node:path';
import type { RoleName } from '../roles.ts';
import { isRaw } from './overrides.ts';
import type { Raw } from './overrides.ts';
import { rimrockConfigSchema } from './schema.ts';

/**
 * Defaults that follow from the role and from other settings: under `up` every part finds this process's own master,
 * and tasks end with the platform. What the user says wins over all of it.
 */
export function roleDefaults(role: RoleName, raw: Raw, folder: string): Raw {
  const built = rimrockConfigSchema.parse({});
  const data = typeof raw['data'] === 'string' && raw['data'] !== '' ? raw['data'] : built.data;
  const agent = { workDir: join(resolve(folder, data), 'agent') };
  const lb = { acme: { storage: join(resolve(folder, data), 'acme') } };
  if (role !== 'up') return { agent, lb, cluster: clusterOf(role, raw) };
  const master = `${reachable(text(raw, 'master', 'host') ?? built.master.host)}:${text(raw, 'master', 'port') ?? built.master.port}`;
  const agentHost = text(raw, 'agent', 'host') ?? built.agent.host;
  return {
    agent: {
      ...agent,
      master: `http://${master}`,
      hostname: reachable(agentHost),
      onStop: 'kill',
      registrationBackoffMs: 50, // there is one agent, and its master is up
    },
    marathon: { master: `http://${master}` },
    cluster: { masters: [master] },
    lb,
  };
}

/** The masters to follow, away from `up`, and how to log in there. */
function clusterOf(role: RoleName, raw: Raw): Raw {
  const said = (key: string): boolean => isRaw(raw['cluster']) && raw['cluster'][key] !== undefined;
  // Whoever finds the masters elsewhere has none on this machine, unless it is said.
  const elsewhere = (text(raw, 'cluster', 'zk') ?? '') !== '' ? { masters: [] } : undefined;
  if (role !== 'agent') return elsewhere ?? {};
  const [master, principal] = [text(raw, 'agent', 'master'), text(raw, 'agent', 'principal')];
  const asAgent = principal !== undefined && !said('iam') && !said('principal');
  const login = asAgent ? { principal, secret: text(raw, 'agent', 'secret') ?? '' } : {};
  if (elsewhere || master === undefined || said('masters')) return { ...elsewhere, ...login };
  if (/^consuls?:/i.test(master)) return { ...login, zk: master.trim(), masters: [] };
  const masters = master.split(',').map((one) => one.trim());
  return { ...login, masters: masters.filter((one) => one !== '') };
}

function text(raw: Raw, section: string, key: string): string | undefined {
  const inside = raw[section];
  const value = isRaw(inside) ? inside[key] : undefined;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** The address at which something that listens on `host` is reached from this machine, ready for a URL. */
export function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
