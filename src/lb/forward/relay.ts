import { Fields, parseFields } from '../http1/index.ts';
import { alloc } from './context.ts';
import type { ForwardContext } from './context.ts';
import { writeTrailers } from './heads.ts';

/** A trailer section as it may go on, with its empty line; undefined when it is malformed or names what it must not. */
export function forwardTrailers(ctx: ForwardContext, section: Uint8Array): Uint8Array | undefined {
  const fields = new Fields(ctx.config.limits.headers);
  fields.reset(section);
  const end = parseFields(section, 0, section.length, fields, { error: undefined });
  if (end !== section.length) return undefined;
  return writeTrailers(ctx.writer, ctx.filter, fields) ? ctx.writer.take(alloc) : undefined;
}
