export * from './constants.ts';
export * from './decode.ts';
export * from './encode.ts';
export * from './framing.ts';
export type * from './message.ts';
export { isWithin, nameBytes } from './name.ts';
export * from './query.ts';
export { soaRdata, srvRdata } from './rdata.ts';
export * from './reply.ts';
