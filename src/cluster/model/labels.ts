import { sharedText } from './share.ts';
import { asList, asObject, asText, member } from './json.ts';

/** One label as it stood in the list. */
export interface LabelEntry {
  readonly key: string;
  readonly value: string;
}

/**
 * Labels in both shapes: `[{key, value}]` (v0) and `{"labels": [...]}` (protobuf JSON). A label without a readable
 * key is left out and named in `problems`; one without value has an empty one.
 */
export function readLabelList(json: unknown, problems: string[]): LabelEntry[] {
  const entries: LabelEntry[] = [];
  const wrapped = asObject(json);
  const list = wrapped && !Object.hasOwn(wrapped, 'key') ? member(wrapped, 'labels') : json;
  for (const [i, item] of asList(list).entries()) {
    const key = asText(member(item, 'key'));
    const value = labelValue(member(item, 'value'));
    if (key === undefined || key === '') problems.push(`labels[${i}] has no key`);
    else if (value === undefined) problems.push(`label '${key}' has a value that is not text`);
    else entries.push({ key, value });
  }
  return entries;
}

/** All entities without labels have these. */
export const NO_LABELS: ReadonlyMap<string, string> = new Map();

/** As `readLabelList`, by key; of a repeated key the last one counts. */
export function readLabels(json: unknown, problems: string[]): ReadonlyMap<string, string> {
  if (json === undefined || json === null) return NO_LABELS;
  const list = readLabelList(json, problems);
  return list.length === 0 ? NO_LABELS : new Map(list.map((l) => [sharedText(l.key), l.value]));
}

function labelValue(v: unknown): string | undefined {
  if (v === undefined || v === null) return '';
  if (typeof v === 'number' || typeof v === 'boolean') return String(v);
  return asText(v);
}
