export { createDetector } from './create.ts';
export { MasterDirectory } from './directory.ts';
export type { DirectoryView } from './directory.ts';
export { detectorProblem } from './spec.ts';
export type { MasterDetector } from './types.ts';
