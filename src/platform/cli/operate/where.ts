import { masterOrigin, masterPlaces } from '../../../mesos/index.ts';
import type { World } from '../../world.ts';
import { operateErrors } from './errors.ts';
import type { RimrockConfig } from '../../config/schema.ts';

export interface Where {
  readonly master?: string;
  readonly config?: string;
}

/** The masters to ask, as origins, in the order in which they are to be tried. */
export interface Places {
  readonly origins: readonly string[];
  /** Of a configuration: how its process would log in and speak TLS. */
  readonly cluster?: RimrockConfig['cluster'];
}

const DEFAULT = '127.0.0.1:5050';
const DETECTION_MS = 10_000;

/** `--master`, else `--config`, else RIMROCK_MASTER, else the master of this machine. Throws a RimrockError. */
export async function placesOf(world: World, { master, config }: Where): Promise<Places> {
  if (master === undefined && config !== undefined) {
    const cluster = await clusterIn(world, config);
    const found = cluster.zk === '' ? [] : await detect(world, cluster.zk, cluster.https);
    const named = cluster.masters.flatMap((one) => masterOrigin(one, cluster.https) ?? []);
    return { origins: [...new Set([...found, ...named])], cluster };
  }
  const given = master ?? (world.environment['RIMROCK_MASTER'] || DEFAULT);
  if (/^(zk|consuls?|file):/i.test(given.trim())) return { origins: await detect(world, given, false) };
  const places = masterPlaces(given);
  if (typeof places === 'string') throw operateErrors.CLI_BAD_MASTER({ given, problem: places });
  return { origins: places.kind === 'list' ? [...new Set(places.origins)] : [] };
}

/** What a process with this file follows: of an edge or an agent the masters that it names, of a platform its own. */
async function clusterIn(world: World, file: string): Promise<RimrockConfig['cluster']> {
  const { loadConfig } = await import('../../config/load.ts');
  const [outside, own] = await Promise.all(
    (['agent', 'up'] as const).map((role) => loadConfig({ role, file, overrides: [] }, world)),
  );
  if (!outside?.ok || !own?.ok) {
    const { printIssues } = await import('../../config/print.ts');
    const issues = printIssues((outside?.ok === false && outside.issues) || []).trimEnd();
    throw operateErrors.CLI_BAD_CONFIG({ file, issues });
  }
  const { cluster } = outside.config;
  const named = cluster.zk !== '' || String(cluster.masters) !== DEFAULT;
  return named ? cluster : own.config.cluster;
}

/** Ask ZooKeeper, Consul or a file which masters there are; the leader comes first. */
async function detect(world: World, given: string, https: boolean): Promise<string[]> {
  const { createDetector } = await import('../../../cluster/detect/index.ts');
  const { dialTcp } = await import('../../../cluster/zookeeper/index.ts');
  const detector = createDetector(given, {
    clock: world.clock,
    random: world.random,
    dial: dialTcp,
    readFile: (path) => world.readFile(path),
    get: () => Promise.reject(new Error('name the masters themselves')),
  });
  if (typeof detector === 'string')
    throw operateErrors.CLI_BAD_MASTER({ given: hidden(given), problem: detector });
  let problem = 'nobody leads';
  try {
    return await new Promise<string[]>((done, fail) => {
      const timer = world.clock.after(DETECTION_MS, () =>
        fail(operateErrors.CLI_NO_MASTER({ problems: `${hidden(given)}: ${problem}` })),
      );
      detector.start({
        onMasters: ({ leader, others }) => {
          if (leader === undefined) return;
          timer.cancel();
          done([leader, ...others].flatMap((one) => masterOrigin(one, https) ?? []));
        },
        onProblem: (reason) => void (problem = reason ?? problem),
      });
    });
  } finally {
    detector.stop();
  }
}

/** Without the password. */
function hidden(address: string): string {
  return address.replace(/^([a-z]+:\/\/)[^/]*@/i, '$1');
}
