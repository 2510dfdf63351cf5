export { DocumentReader } from './reader.ts';
