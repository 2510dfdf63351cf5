export { enumerate } from './enumerate.ts';
export type { EnumeratedFramework } from './enumerate.ts';
export { ipBytes } from './ip.ts';
export { RFC1123, RFC952 } from './labels.ts';
export { splitSrv } from './record-set.ts';
export type { Entry } from './record-set.ts';
export { Zone } from './zone.ts';
export type { Lookup, UnservableRecord, ZoneSettings } from './zone.ts';
