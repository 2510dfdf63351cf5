import { domainInfo, shownMaster } from '../../mesos/index.ts';
import type { AgentConfig } from '../config.ts';
import { advertisedIp } from '../host/advertise.ts';
import { MESOS_VERSION } from './view.ts';

/** The settings under the names of Mesos' flags, all as text (mesos-api.md Appendix C). */
export function flagsOf(config: AgentConfig): Record<string, string> {
  return {
    advertise_ip: advertisedIp(config.host, config.advertiseIp),
    attributes: config.attributes,
    containerizers: 'mesos',
    default_role: '*',
    ...(config.domain && { domain: JSON.stringify(domainInfo(config.domain)) }),
    executor_shutdown_grace_period: `${config.executorShutdownGraceSeconds}secs`,
    gc_delay: `${config.gcDelaySeconds}secs`,
    hostname: config.hostname,
    ip: config.host,
    isolation: 'posix/cpu,posix/mem',
    launcher: 'posix',
    master: shownMaster(config.master),
    port: String(config.port),
    recover: 'reconnect',
    registration_backoff_factor: `${config.registrationBackoffMs}ms`,
    resources: config.resources,
    switch_user: String(config.switchUser),
    work_dir: config.workDir,
  };
}

export const VERSION_INFO = {
  version: MESOS_VERSION,
  build_date: '2026-01-01 00:00:00 UTC',
  build_time: 1_767_225_600,
  build_user: 'rimrock',
} as const;
