import { X509Certificate } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { decode } from '../../core/config/decode.ts';
import type { Issue } from '../../core/config/decode.ts';
import { errorText } from '../../core/errors.ts';
import { fromMesosDnsConfig } from '../../dns/index.ts';
import type { MesosDnsCluster } from '../../dns/index.ts';
import type { World } from '../world.ts';
import type { Raw } from './overrides.ts';
import type { RimrockConfig } from './schema.ts';

export type Layer =
  | {
      readonly ok: true;
      readonly raw: Raw;
      readonly kind: 'rimrock' | 'mesos-dns';
      /** What to say about it, now that all settings are known. */
      notes(config: RimrockConfig): readonly string[];
    }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Polling less often than this is not useful: where there is an event stream, nothing is polled at all. */
const MAX_REFRESH_SECONDS = 3600;
/** Waiting a day for one document is as good as for ever. */
const MAX_STATE_TIMEOUT_SECONDS = 86_400;

/** Waiting longer than this for a leader is as good as waiting for ever (3 weeks; a timer cannot wait longer). */
const MAX_DETECTION_SECONDS = 2_000_000;

/** Our settings out of those of a Mesos-DNS file; files that it names are read, relative to its own folder. */
export async function fromMesosDns(json: Raw, path: string, world: Pick<World, 'readFile'>): Promise<Layer> {
  const imported = fromMesosDnsConfig(json, path);
  if (!imported.ok) return imported;
  const { dns, cluster, warnings } = imported;
  const pem = await readPems(cluster.tls, dirname(path), world);
  const iam = await readIam(cluster.iamConfigFile, dirname(path), world);
  if (!pem.ok || !iam.ok)
    return { ok: false, issues: [...(pem.ok ? [] : pem.issues), ...(iam.ok ? [] : iam.issues)] };
  const raw: Raw = {
    dns,
    cluster: {
      masters: cluster.masters,
      zk: cluster.zk,
      zkDetectionTimeoutSeconds: Math.min(cluster.zkDetectionTimeoutSeconds, MAX_DETECTION_SECONDS),
      exitWithoutLeader: true,
      refreshSeconds: Math.min(cluster.refreshSeconds, MAX_REFRESH_SECONDS),
      stateTimeoutSeconds: Math.min(cluster.stateTimeoutSeconds, MAX_STATE_TIMEOUT_SECONDS),
      https: cluster.https,
      tls: pem.tls,
      ...(cluster.principal === undefined ? {} : { principal: cluster.principal }),
      ...(cluster.secret === undefined ? {} : { secret: cluster.secret }),
      ...(iam.account === undefined ? {} : { iam: iam.account }),
    },
  };
  return { ok: true, raw, kind: 'mesos-dns', notes: (config) => [...warnings, ...tlsNotes(cluster, config)] };
}

/** What Mesos-DNS did without saying so. */
function tlsNotes(file: MesosDnsCluster, { cluster }: RimrockConfig): string[] {
  if (!file.https || file.tls.caFile !== undefined || !cluster.tls.verify || cluster.tls.ca !== undefined)
    return [];
  const text =
    'MesosHTTPSOn without CACertFile: certificates of masters are checked against the known authorities (Mesos-DNS did not check them)';
  return [text];
}

const iamFile = z.object({
  uid: z.string().min(1),
  private_key: z.string().min(1),
  login_endpoint: z.string().min(1),
});

type Iam =
  | { readonly ok: true; readonly account: Raw | undefined }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** The service account in the file that IAMConfigFile names; its key and address are validated with all other settings. */
async function readIam(
  file: string | undefined,
  folder: string,
  world: Pick<World, 'readFile'>,
): Promise<Iam> {
  if (file === undefined) return { ok: true, account: undefined };
  const failed = (message: string): Iam => ({ ok: false, issues: [{ path: 'IAMConfigFile', message }] });
  let json: unknown;
  try {
    json = JSON.parse(await world.readFile(resolve(folder, file)));
  } catch (error) {
    // The text of a JSON error quotes what it read, which may be the key.
    const why = error instanceof SyntaxError ? 'it is not JSON' : errorText(error);
    return failed(`failed to load IAM config from file "${file}": ${why}`);
  }
  const decoded = decode(iamFile, json);
  if (!decoded.ok) {
    const what = decoded.issues.map((i) => `${i.path}: ${i.message}`).join('; ');
    return failed(`invalid HTTP IAM configuration in "${file}": ${what}`);
  }
  const { uid, private_key: privateKey, login_endpoint: loginEndpoint } = decoded.value;
  return { ok: true, account: { uid, privateKey, loginEndpoint } };
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
