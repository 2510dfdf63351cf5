export { findGroups } from './find.ts';
export type { Groups } from './groups.ts';
export { killGroup } from './kill.ts';
export { keepLimitation, memoryLimitation } from './limitation.ts';
