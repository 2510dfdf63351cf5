export * from './algebra.ts';
export * from './parse.ts';
export * from './ranges.ts';
export * from './read.ts';
export * from './scalar.ts';
export * from './sum.ts';
export * from './validate.ts';
