export * from './allocate.ts';
export * from './amounts.ts';
export * from './budget.ts';
export * from './constraints.ts';
export * from './filters.ts';
export * from './parcel.ts';
export * from './role-tree.ts';
export * from './turns.ts';
