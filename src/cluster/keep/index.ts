export { diskFiles } from './files.ts';
export type { KeepFiles } from './files.ts';
export { StateKeeper } from './keeper.ts';
