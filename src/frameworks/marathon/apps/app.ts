import type { AppDefinition, PortDefinition } from './schema.ts';

/** An app as it is kept: the whole definition with its version stamps. Immutable. */
export interface App extends AppDefinition {
  /** Service ports, on the host network only; 0 was replaced by an allotted one, unless `requirePorts` (marathon.md §3.1). */
  readonly portDefinitions: PortDefinition[];
  readonly role: string;
  /** ISO timestamp with milliseconds; unique per app. */
  readonly version: string;
  readonly versionInfo: VersionInfo;
}

export interface VersionInfo {
  readonly lastScalingAt: string;
  /**
   * Names the configuration: instances that carry the same stamp run what the app wants now, whatever `version` they
   * were started under.
   */
  readonly lastConfigChangeAt: string;
}

export const SINGLE_INSTANCE_LABEL = 'MARATHON_SINGLE_INSTANCE_APP';

/** `2020-01-31T09:05:07.030Z` */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
