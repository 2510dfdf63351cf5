import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { systemRandom } from '../../core/random.ts';
import { agentConfigSchema, createAgent } from '../index.ts';

export type Agent = ReturnType<typeof createAgent>;

/** A whole agent with real tasks on this machine, at a port that is free, which registers at once; whoever makes it starts it. */
export function realAgent(
  config: Readonly<Record<string, unknown>>,
  {
    metrics = new Metrics(),
    ...more
  }: { readonly metrics?: Metrics; readonly environment?: NodeJS.ProcessEnv } = {},
): Agent {
  return createAgent({
    config: agentConfigSchema.parse({
      port: 0,
      resources: 'cpus:4;mem:1024;disk:1000;ports:[31000-31010]',
      registrationBackoffMs: 1,
      ...config,
    }),
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    metrics,
    health: new Health(),
    ...more,
  });
}
