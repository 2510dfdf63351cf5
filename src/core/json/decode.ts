/**
 * JSON to protobuf-shaped values, by the rules of Mesos (mesos-api.md §0.2): `null` is absent, unknown keys are dropped,
 * numbers and booleans may come as text, a single value may stand for a list of one, an unknown name of an optional enum
 * is absent, bytes are base64. The error texts are those of Mesos and name the field.
 */
export interface Field {
  readonly kind: 'string' | 'bytes' | 'bool' | 'integer' | 'double' | 'enum' | 'message' | 'any';
  readonly required?: boolean;
  readonly repeated?: boolean;
  /** Names of an enum. */
  readonly names?: ReadonlySet<string>;
  /** Fields of a message. */
  readonly fields?: Fields;
}
export type Fields = Readonly<Record<string, Field>>;
export type JsonObject = Readonly<Record<string, unknown>>;

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

export const text: Field = { kind: 'string' };
export const bytes: Field = { kind: 'bytes' };
export const bool: Field = { kind: 'bool' };
export const integer: Field = { kind: 'integer' };
export const double: Field = { kind: 'double' };
/** A part that is passed on as it is (without its nulls). */
export const any: Field = { kind: 'any' };
export const enumOf = (names: readonly string[]): Field => ({ kind: 'enum', names: new Set(names) });
export const message = (fields: Fields): Field => ({ kind: 'message', fields });
export const required = (field: Field): Field => ({ ...field, required: true });
export const repeated = (field: Field): Field => ({ ...field, repeated: true });

/** Thrown inside the decoder only; `decode` turns it into a value. */
class Problem extends Error {}

export function decode<T>(fields: Fields, json: unknown): Decoded<T> {
  const missing: string[] = [];
  try {
    if (!isObject(json)) return { ok: false, problem: 'Expecting a JSON object' };
    const value = decodeMessage(fields, json, '', missing);
    if (missing.length > 0) return { ok: false, problem: `Missing required fields: ${missing.join(', ')}` };
    return { ok: true, value: value as T };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: error.message };
    throw error;
  }
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Each kind of message is read over and over. */
const entries = new WeakMap<Fields, readonly (readonly [string, Field])[]>();

function entriesOf(fields: Fields): readonly (readonly [string, Field])[] {
  const known = entries.get(fields);
  if (known !== undefined) return known;
  const list = Object.entries(fields);
  entries.set(fields, list);
  return list;
}

function decodeMessage(fields: Fields, json: JsonObject, path: string, missing: string[]): JsonObject {
  const out: Record<string, unknown> = {};
  for (const [name, field] of entriesOf(fields)) {
    const raw = Object.hasOwn(json, name) ? json[name] : undefined;
    const value =
      raw === undefined || raw === null ? undefined : decodeField(field, name, raw, path + name, missing);
    if (value !== undefined) out[name] = value;
    else if (field.required === true) missing.push(path + name);
  }
  return out;
}

function decodeField(field: Field, name: string, raw: unknown, path: string, missing: string[]): unknown {
  if (field.repeated !== true) return decodeValue(field, name, raw, path, missing);
  const items: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  const values: unknown[] = [];
  for (const [i, item] of items.entries()) {
    const value = item === null ? undefined : decodeValue(field, name, item, `${path}[${i}]`, missing);
    if (value !== undefined) values.push(value);
  }
  return values.length === 0 ? undefined : values;
}

function decodeValue(field: Field, name: string, raw: unknown, path: string, missing: string[]): unknown {
  switch (field.kind) {
    case 'any':
      return withoutNulls(raw, name);
    case 'message':
      if (!isObject(raw)) throw unexpected(raw, name);
      return decodeMessage(field.fields ?? {}, raw, `${path}.`, missing);
    case 'string':
      if (typeof raw !== 'string') throw unexpected(raw, name);
      return raw;
    case 'enum':
      if (typeof raw !== 'string') throw unexpected(raw, name);
      return field.names?.has(raw) === true ? raw : undefined;
    case 'bytes':
      if (typeof raw !== 'string') throw unexpected(raw, name);
      return checkedBase64(raw, name);
    case 'bool':
      return decodeBool(raw, name);
    case 'integer':
      return Math.trunc(decodeNumber(raw, name));
    case 'double':
      return decodeNumber(raw, name);
  }
}

function decodeBool(raw: unknown, name: string): boolean {
  if (raw === true || raw === 'true') return true;
  if (raw === false || raw === 'false') return false;
  throw unexpected(raw, name);
}

function decodeNumber(raw: unknown, name: string): number {
  if (typeof raw === 'number') return raw;
  if (typeof raw !== 'string') throw unexpected(raw, name);
  if (/^-?(Infinity|\d+(\.\d+)?([eE][+-]?\d+)?)$/.test(raw)) return Number(raw);
  throw new Problem(`Failed to parse '${raw}' as a JSON number for field '${name}'`);
}

/** Checked, not converted: the text is passed on as it came. */
function checkedBase64(raw: string, name: string): string {
  const bad = /[^A-Za-z0-9+/=]/.exec(raw);
  if (bad) throw new Problem(`Failed to base64 decode bytes field '${name}': Invalid character '${bad[0]}'`);
  if (raw.length % 4 !== 0 || /=[^=]|={3}/.test(raw))
    throw new Problem(`Failed to base64 decode bytes field '${name}': Invalid length or padding`);
  return raw;
}

function unexpected(raw: unknown, name: string): Problem {
  const kind = Array.isArray(raw) ? 'array' : typeof raw;
  return new Problem(`Not expecting a JSON ${kind} for field '${name}'`);
}

/** As many levels as protobuf takes: what is deeper breaks whoever reads it level by level, here and elsewhere. */
const DEEPEST = 100;

/** A deep copy without nulls and without keys that would touch the prototype. */
function withoutNulls(raw: unknown, name: string, depth = 0): unknown {
  if (depth > DEEPEST) throw new Problem(`More than ${DEEPEST} levels of JSON for field '${name}'`);
  if (Array.isArray(raw))
    return raw.filter((item) => item !== null).map((item) => withoutNulls(item, name, depth + 1));
  if (!isObject(raw)) return raw;
  return Object.fromEntries(
    Object.entries(raw)
      .filter(([key, value]) => value !== null && key !== '__proto__')
      .map(([key, value]) => [key, withoutNulls(value, name, depth + 1)]),
  );
}

/** Parse a body; the problem is worded as Mesos words it. */
export function parseJson(body: string): Decoded<unknown> {
  try {
    return { ok: true, value: JSON.parse(body) as unknown };
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    const position = Number(/at position (\d+)/.exec(why)?.[1] ?? Number.NaN);
    if (why.startsWith('Unexpected non-whitespace character after JSON')) {
      const rest = body.slice(position).split('\n', 1)[0];
      const blank = /\s*$/.exec(body.slice(0, position))?.[0] ?? '';
      return {
        ok: false,
        problem: `Parsed JSON included non-whitespace trailing characters: ${blank}${rest}`,
      };
    }
    const at = Number.isNaN(position) ? 0 : position;
    const line = body.slice(0, at).split('\n').length;
    const near =
      why.includes('Unexpected end') || why.includes('Unterminated') ? '' : body.slice(at, at + 40);
    return { ok: false, problem: `syntax error at line ${line} near: ${near.split('\n', 1)[0]}` };
  }
}

/** The 16 bytes of a UUID in base64, or not. The text was already checked to be base64. */
export function isUuidBytes(base64: string): boolean {
  return base64.length === 24 && base64.endsWith('==');
}
