export { CONTROL, ENTRY, MAX_READERS, SET, hashName, hashWords } from './layout.ts';
export { reserve } from './memory.ts';
export { TableReader } from './reader.ts';
export { TableFull, TableWriter, isSuffix } from './writer.ts';
export { listTable, recordsOf } from './listing.ts';
