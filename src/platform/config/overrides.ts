import { parse } from 'yaml';
import { z } from 'zod';
import type { Issue } from '../../core/config/decode.ts';
import { unwrap } from '../../core/config/unwrap.ts';

/** Plain nested settings, as they come out of a file. */
export type Raw = Readonly<Record<string, unknown>>;

export type Applied =
  | { readonly ok: true; readonly raw: Raw }
  | { readonly ok: false; readonly issue: Issue };

/**
 * Lay `a.b.c=value` over settings. The schema says how the text is read: a text field takes it as it is, a list takes
 * items separated by commas, anything else is YAML (`53`, `true`, `{a: 1}`). Unknown keys are left to the validation.
 */
export function applyOverride(schema: z.ZodType, raw: Raw, text: string): Applied {
  const equals = text.indexOf('=');
  const path = text.slice(0, equals).trim().split('.');
  if (equals < 1 || path.some((p) => p === ''))
    return { ok: false, issue: { path: '--set', message: `'${text}' is not of the form key=value` } };
  const value = readValue(schemaAt(schema, path), text.slice(equals + 1));
  return { ok: true, raw: setAt(raw, path, value) };
}

function readValue(schema: z.ZodType | undefined, text: string): unknown {
  if (schema instanceof z.ZodString || schema instanceof z.ZodEnum) return text;
  if (schema instanceof z.ZodArray && !text.trim().startsWith('[')) {
    const items = text.split(',').map((item) => item.trim());
    return items.filter((item) => item !== '').map((item) => readValue(unwrap(schema.element), item));
  }
  try {
    return parse(text);
  } catch {
    return text;
  }
}

function setAt(raw: unknown, [key, ...rest]: readonly string[], value: unknown): Raw {
  const object = isRaw(raw) ? raw : {};
  if (key === undefined) return object;
  return { ...object, [key]: rest.length === 0 ? value : setAt(object[key], rest, value) };
}

/** The schema of the field at `path`, without the wrappers for defaults; undefined for keys that are not known. */
export function schemaAt(schema: z.ZodType, path: readonly string[]): z.ZodType | undefined {
  let at: z.ZodType | undefined = unwrap(schema);
  for (const key of path) {
    if (at instanceof z.ZodObject) at = unwrap((at.shape as Record<string, z.ZodType>)[key]);
    else if (at instanceof z.ZodRecord) at = unwrap(at.valueType);
    else return undefined;
  }
  return at;
}

/** `over` laid upon `under`, key by key; lists and scalars are replaced whole. */
export function mergeRaw(under: unknown, over: unknown): unknown {
  if (!isRaw(under) || !isRaw(over)) return over === undefined ? under : over;
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) merged[key] = mergeRaw(under[key], value);
  return merged;
}

export function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
