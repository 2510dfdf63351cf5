import { join } from 'node:path';
import { compiled as compile } from '../support/machine.ts';

/** A C program that stands beside this file, compiled; undefined without a compiler. */
export const compiled = (name: string): string | undefined => compile(join(import.meta.dirname, `${name}.c`));
