import { shownMaster } from '../../../mesos/index.ts';
import type { ApiContext } from './context.ts';
import type { Answer } from './replies.ts';
import { failure, ok } from './replies.ts';

/** The Marathon release whose behaviour this is. */
export const MARATHON_VERSION = '1.11.24';

/** GET /v2/info */
export function info(context: ApiContext): Answer {
  const { scheduler, config, self, standing } = context;
  const address = self();
  return ok({
    name: config.frameworkName,
    version: MARATHON_VERSION,
    buildref: 'rimrock',
    elected: standing().kind === 'leads',
    leader: leaderOf(context) ?? null,
    frameworkId: scheduler.driver.frameworkId ?? null,
    marathon_config: {
      master: shownMaster(config.master),
      master_connected: scheduler.master ?? null,
      failover_timeout: config.failoverTimeoutSeconds,
      framework_name: config.frameworkName,
      ha: false,
      checkpoint: true,
      hostname: config.hostname === '' ? config.host : config.hostname,
      webui_url: `http://${address}`,
      local_port_min: config.localPortMin,
      local_port_max: config.localPortMax,
      executor: '//cmd',
      mesos_user: config.user,
      mesos_role: config.mesosRole,
      reconciliation_initial_delay: 0,
      reconciliation_interval: config.reconciliationIntervalSeconds * 1000,
      task_launch_timeout: config.taskLaunchTimeoutSeconds * 1000,
      features: config.enableFeatures,
    },
    zookeeper_config: {},
    http_config: { http_port: Number(address.split(':').at(-1)), https_port: null },
  });
}

/** GET /v2/leader */
export function leader(context: ApiContext): Answer {
  const address = leaderOf(context);
  return address === undefined ? failure(404, 'There is no leader') : ok({ leader: address });
}

/** `host:port` of who leads, as far as is known. */
export function leaderOf({ standing, self }: Pick<ApiContext, 'standing' | 'self'>): string | undefined {
  const now = standing();
  return now.kind === 'stands-by' ? now.leader : self();
}
