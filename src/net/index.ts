export type * from './types.ts';
export { createPortableReactor } from './portable/reactor.ts';
