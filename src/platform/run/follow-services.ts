import type { Catalog } from '../../cluster/index.ts';
import type { Clock } from '../../core/clock.ts';
import { vipSettings } from '../../dns/config.ts';
import type { FollowServices } from '../../mesh/index.ts';
import type { RimrockConfig } from '../config/schema.ts';
import { newTold } from './part.ts';
import type { Shared } from './part.ts';
import { taskIds } from './task-ids.ts';

/** So long the first task that calls services waits for the first word of a master. */
const FIRST_WORD_MS = 5_000;

/**
 * How an agent in a process of its own gets to know services: as the edge does, by the operator API of its masters. Nothing of that is
 * loaded before a task asks. What it says of itself is in the log: it comes and goes, and the agent is ready without.
 */
export function followMasters(
  config: RimrockConfig,
  { clock, random, log, tls, consulTls }: Pick<Shared, 'clock' | 'random' | 'log' | 'tls' | 'consulTls'>,
): FollowServices {
  return async () => {
    const { createCluster } = await import('../../cluster/index.ts');
    const idOf = await taskIds(config);
    const part = { clock, random, log: log.child({ part: 'cluster' }), tls, consulTls, ...newTold() };
    const cluster = createCluster({ ...part, config: config.cluster });
    const { catalog } = cluster;
    const { vips, idle } = config.mesh.vips === 'on' ? await followVips(config, catalog, clock) : NO_VIPS;
    const first = firstWord(catalog, clock).then(idle);
    await cluster.start();
    return { catalog, idOf, vips, first, stop: () => cluster.stop() };
  };
}

const NO_VIPS = { vips: undefined, idle: async (): Promise<void> => {} };

async function followVips({ dns }: RimrockConfig, catalog: Catalog, clock: Clock) {
  const { Vips, workOnVips } = await import('../../cluster/vips/index.ts');
  const vips = new Vips(vipSettings(dns.dcos));
  return { vips, idle: workOnVips(vips, catalog, clock) };
}

/** Resolves with the first version of the catalog, or when it has been waited for long enough. */
function firstWord(catalog: Catalog, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const enough = clock.after(FIRST_WORD_MS, resolve);
    const forget = catalog.onChange(({ version }) => {
      if (version === 0) return;
      forget();
      enough.cancel();
      resolve();
    });
  });
}
