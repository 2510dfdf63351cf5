export * from './allocate.ts';
export { RefusalFilters, refuseMs } from './filters.ts';
