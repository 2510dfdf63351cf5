export { boundsOf } from './address.ts';
export type { VipRange } from './address.ts';
export { dcosDomainFragment, dcosLabel } from './dcos-label.ts';
export { isIpv6, parseVip } from './labels.ts';
export type { VipBackend, VipBackendState, VipProtocol } from './labels.ts';
export { VIPS_DOMAIN, Vips } from './vips.ts';
export type { Vip, VipNameChange, VipSettings } from './vips.ts';
export { workOnVips } from './work.ts';
