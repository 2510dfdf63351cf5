import { sha1 } from '../../../core/sha1.ts';

/** Eight bytes of the SHA-1 of a rule, in hexadecimal: by it the rule is known again when the table is read back. */
export function digest(rule: string): string {
  return Array.from(sha1(rule).subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
