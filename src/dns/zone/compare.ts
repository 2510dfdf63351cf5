import type { RecordType, ZoneRecord } from './records.ts';

/** Whether a name has a letter in upper case: then nobody can ask for it. */
export function isUpper(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 65 && c <= 90) return true;
  }
  return false;
}

/** Whether two lists say the same, in the same order. */
export function sameRecords(
  a: readonly ZoneRecord<RecordType>[],
  b: readonly ZoneRecord<RecordType>[],
): boolean {
  return (
    a.length === b.length &&
    a.every((r, i) => {
      const other = b[i];
      return (
        r.name === other?.name &&
        r.host === other.host &&
        r.type === other.type &&
        r.weight === other.weight &&
        r.priority === other.priority &&
        r.ttlSeconds === other.ttlSeconds
      );
    })
  );
}
