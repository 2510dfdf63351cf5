export { Acme } from './acme.ts';
