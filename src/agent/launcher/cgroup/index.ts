export { findGroups } from './find.ts';
export {
  canHold,
  CPU_PERIOD_US,
  cpuQuotaUs,
  cpuShares,
  MIN_MEMORY,
  memoryLimit,
  pidsLimit,
} from './groups.ts';
export type { Groups } from './groups.ts';
export { killGroup } from './kill.ts';
export { keepLimitation, memoryLimitation } from './limitation.ts';
