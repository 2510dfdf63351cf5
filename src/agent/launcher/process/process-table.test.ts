import { systemClock } from '../../../core/clock.ts';
import { createProcTable } from './proc-table.ts';
import { runProcessTableContract } from './process-table.contract.ts';
import { createPsTable } from './ps-table.ts';

if (process.platform === 'linux') runProcessTableContract('/proc', createProcTable);
runProcessTableContract('ps', () => createPsTable(systemClock));
