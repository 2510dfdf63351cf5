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
  // Whoever finds the masters elsewhere has none on this machine, unless it is said.
  if (role !== 'up')
    return (text(raw, 'cluster', 'zk') ?? '') === '' ? { agent } : { agent, cluster: { masters: [] } };
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
  };
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
