import { FieldId } from '../http1/index.ts';
import type { Fields } from '../http1/index.ts';

/** Whether the sender of this head keeps the connection open after the message (RFC 9112 §9.3). */
export function keepsAlive(fields: Fields, version: number): boolean {
  if (!fields.has(FieldId.CONNECTION)) return version === 11;
  if (fields.isJust(FieldId.CONNECTION, 'keep-alive')) return true;
  if (fields.isJust(FieldId.CONNECTION, 'close')) return false;
  const options = fields.list(FieldId.CONNECTION);
  if (options.includes('close')) return false;
  return version === 11 || options.includes('keep-alive');
}
