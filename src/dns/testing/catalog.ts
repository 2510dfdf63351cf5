export * from '../../cluster/testing/index.ts';
