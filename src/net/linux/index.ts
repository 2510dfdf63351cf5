export { loadForgetProgram } from './program-text.ts';
export { keepLittleFree, loadTrim } from './trim.ts';
