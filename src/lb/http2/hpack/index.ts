export { HpackDecoder } from './decoder.ts';
export { HpackEncoder } from './encoder.ts';
export { blockLimit, FieldBlock } from './field-block.ts';
export type { FieldLimits } from './field-block.ts';
export { Kind, LAST_PSEUDO } from './field-kind.ts';
