import type { FrameworkInfo, Label } from '../../mesos/index.ts';
import type { MarathonConfig } from './config.ts';

/** How the scheduler introduces itself to the master (mesos-api.md §1.4). */
export function frameworkInfo(
  config: MarathonConfig,
  webUiUrl: string,
  labels: readonly Label[],
): FrameworkInfo {
  const gpus = config.enableFeatures.includes('gpu_resources');
  return {
    user: config.user,
    name: config.frameworkName,
    failover_timeout: config.failoverTimeoutSeconds,
    checkpoint: true,
    role: config.mesosRole,
    hostname: config.hostname === '' ? config.host : config.hostname,
    webui_url: webUiUrl,
    capabilities: [
      { type: 'PARTITION_AWARE' },
      { type: 'TASK_KILLING_STATE' },
      ...(gpus ? [{ type: 'GPU_RESOURCES' }] : []),
    ],
    labels: { labels },
  };
}
