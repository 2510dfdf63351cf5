import type { Catalog } from '../../cluster/index.ts';
import type { VipRange, Vips } from '../../cluster/vips/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import { endUdpFlows, realCommands } from '../../net/index.ts';
import type { Reactor } from '../../net/index.ts';
import type { VipsConfig } from './config.ts';

import { VipLayer } from './layer.ts';

/** The VIPs of the cluster, and the addresses that those with names get. */
export interface VipSource {
  /** Following the catalog already. */
  readonly model: Vips;
  readonly ranges: readonly VipRange[];
}

/** What carries VIPs on this machine; undefined where nobody says which there are, or there are no sockets. */
export function createVipLayer(parts: {
  readonly config: { readonly vips: VipsConfig };
  readonly vips?: VipSource;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly reactor?: Reactor;
  readonly ours: AbortSignal;
  readonly leftTable?: string | undefined;
  readonly later: (f: () => void) => void;
}): VipLayer | undefined {
  const { vips, reactor, config } = parts;
  if (vips === undefined || reactor === undefined) return undefined;
  return new VipLayer({
    ...parts,
    reactor,
    config: config.vips,
    vips: vips.model,
    ranges: vips.ranges,
    run: realCommands(parts.clock, process.env),
    endUdpFlows,
    linux: process.platform === 'linux',
  });
}
