export { hasContainer } from './members.ts';
export { allProcesses, environmentOf } from './proc-table.ts';
export { createProcessLauncher } from './process-launcher.ts';
export { rlimitWords } from './rlimits.ts';
export { createProcessTable } from './system-table.ts';
