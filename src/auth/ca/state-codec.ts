import { z } from 'zod';
import { authErrors } from '../errors.ts';
import type { AuthorityState } from './state.ts';

const span = { id: z.string(), certificate: z.string(), notBeforeMs: z.int(), notAfterMs: z.int() };
const root = z.object({ ...span, own: z.boolean() });
const intermediate = z.object(span);
const schema = z.object({
  trustDomain: z.string(),
  sequence: z.int(),
  active: z.object({ root, intermediate }),
  activeUntilMs: z.int(),
  next: z.object({ root, intermediate: intermediate.optional(), preparedMs: z.number() }).optional(),
  old: z.object({ root, untilMs: z.number(), tainted: z.boolean() }).optional(),
  requested: z.object({ id: z.string() }).optional(),
});

export const encodeState = (state: AuthorityState): string => JSON.stringify(state);

/** Rejects with AUTH_CA_STATE_UNREADABLE. */
export function decodeState(text: string): AuthorityState {
  try {
    return schema.parse(JSON.parse(text)) as AuthorityState;
  } catch (error) {
    throw authErrors.AUTH_CA_STATE_UNREADABLE({}, error);
  }
}
