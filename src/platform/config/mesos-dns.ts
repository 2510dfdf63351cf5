import { X509Certificate } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Issue } from '../../core/config/decode.ts';
import { errorText } from '../../core/errors.ts';
import { fromMesosDnsConfig } from '../../dns/index.ts';
import type { MesosDnsCluster } from '../../dns/index.ts';
import type { World } from '../world.ts';
import type { Raw } from './overrides.ts';

export type Layer =
  | { readonly ok: true; readonly raw: Raw; readonly notes: readonly string[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Polling less often than this is not useful: where there is an event stream, nothing is polled at all. */
const MAX_REFRESH_SECONDS = 3600;
/** Waiting a day for one document is as good as for ever. */
const MAX_STATE_TIMEOUT_SECONDS = 86_400;

/** Our settings out of those of a Mesos-DNS file; files that it names are read, relative to its own folder. */
export async function fromMesosDns(json: Raw, path: string, world: Pick<World, 'readFile'>): Promise<Layer> {
  const imported = fromMesosDnsConfig(json, path);
  if (!imported.ok) return imported;
  const { dns, cluster, warnings } = imported;
  const pem = await readPems(cluster.tls, dirname(path), world);
  if (!pem.ok) return pem;
  const raw: Raw = {
    dns,
    cluster: {
      masters: cluster.masters,
      refreshSeconds: Math.min(cluster.refreshSeconds, MAX_REFRESH_SECONDS),
      stateTimeoutSeconds: Math.min(cluster.stateTimeoutSeconds, MAX_STATE_TIMEOUT_SECONDS),
      https: cluster.https,
      tls: pem.tls,
      ...(cluster.principal === undefined ? {} : { principal: cluster.principal }),
      ...(cluster.secret === undefined ? {} : { secret: cluster.secret }),
    },
  };
  return { ok: true, raw, notes: warnings };
}

type Pems =
  | { readonly ok: true; readonly tls: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly issues: readonly Issue[] };

async function readPems(
  files: MesosDnsCluster['tls'],
  folder: string,
  world: Pick<World, 'readFile'>,
): Promise<Pems> {
  const tls: Record<string, string> = {};
  const issues: Issue[] = [];
  const wanted = [
    ['ca', 'CACertFile', files.caFile],
    ['cert', 'CertFile', files.certFile],
    ['key', 'KeyFile', files.keyFile],
  ] as const;
  for (const [name, key, file] of wanted) {
    if (file === undefined) continue;
    try {
      tls[name] = await world.readFile(resolve(folder, file));
    } catch (error) {
      issues.push({ path: key, message: `${key} open failed: ${errorText(error)}` });
    }
  }
  issues.push(...pemIssues(tls));
  return issues.length > 0 ? { ok: false, issues } : { ok: true, tls };
}

/** Told at the start, or else no master could ever be followed. */
function pemIssues({ ca, cert, key }: Readonly<Record<string, string>>): Issue[] {
  const failed = (path: string, check: () => unknown): Issue[] => {
    try {
      check();
      return [];
    } catch (error) {
      return [{ path, message: `${path} parsing failed: ${errorText(error)}` }];
    }
  };
  return [
    ...(ca === undefined ? [] : failed('CACertFile', () => new X509Certificate(ca))),
    ...(cert === undefined || key === undefined
      ? []
      : failed('CertFile', () => createSecureContext({ cert, key }))),
  ];
}
