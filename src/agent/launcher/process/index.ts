export { hasContainer, members } from './members.ts';
export { allProcesses, bootId, residentBytes } from './proc.ts';
export type { ProcessStat } from './proc.ts';
export { createProcessLauncher } from './process-launcher.ts';
