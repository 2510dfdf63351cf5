import type { Clock } from '../../../core/clock.ts';
import { createProcTable } from './proc-table.ts';
import type { ProcessTable } from './process-table.ts';
import { createPsTable } from './ps-table.ts';

/** /proc where there is one, else ps(1). */
export function createProcessTable(clock: Clock): ProcessTable {
  return process.platform === 'linux' ? createProcTable() : createPsTable(clock);
}
