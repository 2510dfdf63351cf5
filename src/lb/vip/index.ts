export { createVipLayer } from './create.ts';
export type { VipSource } from './create.ts';
export type { VipLayer } from './layer.ts';
