import { z } from 'zod';
import { tableName } from './vip/config.ts';

/** What a load balancer tells the one that takes over from it (see `Component.stateForSuccessor`). */
export interface LbState {
  /** Of sessions that can be resumed; base64. */
  readonly ticketKeys: readonly string[];
  /** The table of the kernel that carries its VIPs. */
  readonly vipTable?: string | undefined;
}

const stateSchema = z.object({
  ticketKeys: z.array(z.string()).catch([]),
  vipTable: tableName.optional().catch(undefined),
});

/** Of a process that may have been another version, or nobody: what is not understood is left out. */
export function stateIn(state: unknown): LbState {
  return stateSchema.catch({ ticketKeys: [] }).parse(state);
}
