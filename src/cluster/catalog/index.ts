export { createCatalogBuilder } from './builder.ts';
export type { CatalogBuilder, CatalogBuilderOptions, CatalogInput, CatalogStep } from './builder.ts';
export type * from './types.ts';
