import type { Fields } from '../http1/index.ts';

/** Value of the first field of this name (lower case); undefined without one. */
export function fieldOf(fields: Fields, name: string): string | undefined {
  for (let i = 0; i < fields.count; i++) {
    const length = (fields.nameEnd[i] ?? 0) - (fields.nameStart[i] ?? 0);
    if (length === name.length && fields.name(i) === name) return fields.value(i);
  }
  return undefined;
}
