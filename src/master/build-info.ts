/**
 * What the master says of its version. Clients parse `version` as plain X.Y.Z and switch features by it, so it names the
 * Mesos release whose APIs these are.
 */
export const MESOS_VERSION = '1.11.0';

export const BUILD_INFO = {
  version: MESOS_VERSION,
  build_date: '2026-11-22 00:00:00 UTC',
  build_time: 1_795_305_600,
  build_user: 'rimrock',
} as const;

export const MASTER_CAPABILITIES = ['AGENT_UPDATE', 'AGENT_DRAINING', 'QUOTA_V2'] as const;
