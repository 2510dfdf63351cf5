import { z } from 'zod';

/** See through defaults, optionality and transformations to the schema of what is written in the file. */
export function unwrap(schema: unknown): z.ZodType | undefined {
  let at = schema;
  for (let depth = 0; depth < 10; depth++) {
    // What `z.preprocess` lets in has the form of what it makes of it.
    if (at instanceof z.ZodPipe) at = at.in instanceof z.ZodTransform ? at.out : at.in;
    else if (
      at instanceof z.ZodOptional ||
      at instanceof z.ZodNullable ||
      at instanceof z.ZodDefault ||
      at instanceof z.ZodPrefault ||
      at instanceof z.ZodReadonly
    )
      at = at.unwrap();
    else break;
  }
  return at instanceof z.ZodType ? at : undefined;
}
