export { decodeProtobuf } from './decode.ts';
export { encodeDocument, recordEncoder } from './forms.ts';
export type { RecordEncoder } from './forms.ts';
export { longProtobuf } from './long.ts';
