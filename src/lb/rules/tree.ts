import { z } from 'zod';
import { unwrap } from '../../core/config/unwrap.ts';

/** Text values by name; a branch has no prototype, so that no name from outside means anything. */
export interface Tree {
  [name: string]: Tree | string;
}

export const emptyTree = (): Tree => Object.create(null) as Tree;

/**
 * Put the value of a label at the place that its dots lead to. Where the schema has a map of plain values (header
 * fields, say), the rest of the label is one name, dots and all. Where it has options with a `mode` among them (`withMode`), a label
 * that ends there says that. A text says why it cannot be placed.
 */
export function place(
  tree: Tree,
  label: readonly string[],
  value: string,
  schema: z.ZodType,
): string | undefined {
  let at = tree;
  let here: z.ZodType | undefined = schema;
  for (let i = 0; ; i++) {
    const shape = unwrap(here);
    const plainMap = shape instanceof z.ZodRecord && !hasFields(shape.valueType);
    const name = plainMap ? label.slice(i).join('.') : (label[i] ?? '');
    if (name === '') return 'has an empty part: write names between the dots';
    if (plainMap || i === label.length - 1) {
      const below = plainMap ? undefined : unwrap(child(shape, name));
      if (below instanceof z.ZodObject && Object.hasOwn(below.shape, 'mode'))
        return place(tree, [...label, 'mode'], value, schema);
      if (typeof at[name] === 'object') return 'has labels below it, and cannot have a value of its own';
      at[name] = value;
      return undefined;
    }
    at[name] ??= emptyTree();
    const next: Tree | string | undefined = at[name];
    if (typeof next !== 'object') return 'lies below a label that has a value of its own';
    at = next;
    here = child(shape, name);
  }
}

function child(shape: z.ZodType | undefined, name: string): z.ZodType | undefined {
  if (shape instanceof z.ZodRecord) return shape.valueType as z.ZodType;
  if (!(shape instanceof z.ZodObject)) return undefined;
  return Object.hasOwn(shape.shape, name) ? (shape.shape as Record<string, z.ZodType>)[name] : undefined;
}

function hasFields(schema: unknown): boolean {
  const shape = unwrap(schema);
  return shape instanceof z.ZodObject || shape instanceof z.ZodRecord;
}
