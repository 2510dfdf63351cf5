export { CONTROL, ENTRY, MAX_READERS, SET, hashName, hashWords } from './layout.ts';
export { reserve } from './memory.ts';
export { NameKey } from './name-key.ts';
export { isSuffix } from './names.ts';
export { TableReader } from './reader.ts';
export { TableFull } from './table-full.ts';
export { TableWriter } from './writer.ts';
export { listTable, recordsOf } from './listing.ts';
