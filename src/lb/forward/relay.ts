import { Fields, parseFields } from '../http1/index.ts';
import type { BodyReader } from '../http1/index.ts';
import { alloc } from './context.ts';
import type { ReasonCode } from '../reasons.ts';
import type { Admitted } from './admit.ts';
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

/** Why what has come of a request body is not acceptable; `most`: what any request may have, bytes. */
export function bodyRefusal(
  body: BodyReader,
  { passage }: Admitted,
  most: number | undefined,
): ReasonCode | undefined {
  if (body.error !== undefined) return body.error;
  if (most !== undefined && body.received > most) return 'body-too-large';
  return passage !== undefined && body.received > passage.bodyLimit ? 'body-over-route-limit' : undefined;
}
