import type { Attribute, Range, Resource } from '../types.ts';

export type Parsed<T> =
  | { readonly ok: true; readonly value: readonly T[] }
  | { readonly ok: false; readonly problem: string };

const RESOURCE = /^([^\s:()]+)(?:\(([^()]+)\))?:(.+)$/;
const NUMBER = /^\d+(\.\d+)?$/;

/**
 * The text form of agent resources: `cpus:4;mem(web):1024;ports:[31000-32000];disks:{a, b}` (mesos-api.md §1.8).
 * The role in parentheses defaults to `*`.
 */
export function parseResources(text: string): Parsed<Resource> {
  const out: Resource[] = [];
  for (const part of split(text)) {
    const m = RESOURCE.exec(part);
    if (!m) return { ok: false, problem: `'${part}': write name:value or name(role):value` };
    const value = parseValue((m[3] ?? '').trim());
    if (!value)
      return { ok: false, problem: `'${part}': the value is a number, [begin-end, …] or {item, …}` };
    out.push({ name: m[1] ?? '', role: m[2] ?? '*', ...value });
  }
  return { ok: true, value: out };
}

/** The text form of agent attributes: `rack:r1;level:10;keys:[1-5]`. What is no number or range is text. */
export function parseAttributes(text: string): Parsed<Attribute> {
  const out: Attribute[] = [];
  for (const part of split(text)) {
    const colon = part.indexOf(':');
    if (colon < 1 || colon === part.length - 1) return { ok: false, problem: `'${part}': write name:value` };
    const name = part.slice(0, colon).trim();
    const raw = part.slice(colon + 1).trim();
    const value = parseValue(raw);
    if (value?.type === 'SET') return { ok: false, problem: `'${part}': attributes have no sets` };
    out.push(value ? { name, ...value } : { name, type: 'TEXT', text: { value: raw } });
  }
  return { ok: true, value: out };
}

function split(text: string): string[] {
  return text
    .split(/[;\n]/)
    .map((p) => p.trim())
    .filter((p) => p !== '');
}

type ParsedValue =
  | { readonly type: 'SCALAR'; readonly scalar: { readonly value: number } }
  | { readonly type: 'RANGES'; readonly ranges: { readonly range: readonly Range[] } }
  | { readonly type: 'SET'; readonly set: { readonly item: readonly string[] } };

function parseValue(raw: string): ParsedValue | undefined {
  if (NUMBER.test(raw)) return { type: 'SCALAR', scalar: { value: Number(raw) } };
  const inner = raw.slice(1, -1).trim();
  if (raw.startsWith('[') && raw.endsWith(']')) {
    const ranges = inner === '' ? [] : inner.split(',').map(parseRange);
    return ranges.every((r) => r !== undefined) ? { type: 'RANGES', ranges: { range: ranges } } : undefined;
  }
  if (raw.startsWith('{') && raw.endsWith('}')) {
    return { type: 'SET', set: { item: inner === '' ? [] : inner.split(',').map((i) => i.trim()) } };
  }
  return undefined;
}

function parseRange(text: string): Range | undefined {
  const m = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(text);
  const range = { begin: Number(m?.[1]), end: Number(m?.[2]) };
  return m && range.begin <= range.end ? range : undefined;
}
