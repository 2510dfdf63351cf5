import { AGENT } from './tables/agent.ts';
import { CONTAINERS } from './tables/containers.ts';
import { EXECUTOR } from './tables/executor.ts';
import { MASTER } from './tables/master.ts';
import { OFFERS } from './tables/offers.ts';
import { SCHEDULER } from './tables/scheduler.ts';
import { TASKS } from './tables/tasks.ts';

/**
 * The messages of the v1 APIs of Mesos 1.11 as protobuf (proto2) knows them, names without `mesos.v1.`. The tables say
 *
 *     Offer: id 1 OfferID!, resources 5 Resource*, ...
 *     enum TaskState: TASK_STAGING 6, ...
 *
 * name, number and type of each field: `!` is required, `*` repeated, `map` a map from text. An entry goes on in lines that are
 * indented. Defaults are left out: views write them (mesos-api.md §0.2), and what was not sent stays away.
 * Statistics of perf, networks and block devices, and what belongs to CSI, are in no table and so are unknown fields.
 */
const TABLES = [TASKS, OFFERS, CONTAINERS, SCHEDULER, EXECUTOR, MASTER, AGENT];

export type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'uint32' | 'uint64' | 'double';

export interface ProtoField {
  readonly name: string;
  readonly number: number;
  readonly kind: Scalar | 'enum' | 'message' | 'map';
  readonly required: boolean;
  readonly repeated: boolean;
  /** Of a message, or the entries of a map: `key` and `value`. */
  readonly message: MessageType;
  readonly enum: EnumType;
}

export interface MessageType {
  readonly name: string;
  /** By ascending number. */
  readonly fields: ProtoField[];
  readonly byNumber: Map<number, ProtoField>;
  /** Names of the fields that are required. */
  readonly required: string[];
}

export interface EnumType {
  readonly numbers: Map<string, number>;
  readonly names: Map<number, string>;
}

const SCALARS: ReadonlySet<string> = new Set<Scalar>([
  'string',
  'bytes',
  'bool',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'double',
]);

const NO_MESSAGE: MessageType = { name: '', fields: [], byNumber: new Map(), required: [] };
const NO_ENUM: EnumType = { numbers: new Map(), names: new Map() };

let known: ReadonlyMap<string, MessageType> | undefined;

/** A message by its name, such as `scheduler.Call`; the tables are read when the first is asked for. */
export function messageType(name: string): MessageType {
  known ??= readTables(TABLES.join(''));
  const type = known.get(name);
  if (!type) throw new Error(`no message ${name}`);
  return type;
}

function readTables(text: string): Map<string, MessageType> {
  const enums = new Map<string, EnumType>();
  const messages = new Map<string, MessageType>();
  const bodies: [MessageType, string][] = [];
  for (const entry of text.split(/\n(?=\S)/)) {
    const [, isEnum, name = '', body = ''] = /^\s*(enum )?([\w.]+):([^]*)$/.exec(entry) ?? [];
    if (isEnum !== undefined) enums.set(name, readEnum(body));
    else if (name !== '') {
      const type: MessageType = { name, fields: [], byNumber: new Map(), required: [] };
      messages.set(name, type);
      bodies.push([type, body]);
    }
  }
  for (const [type, body] of bodies) readFields(type, body, messages, enums);
  return messages;
}

function readEnum(body: string): EnumType {
  const all = Array.from(body.matchAll(/(\w+) (\d+)/g), ([, name = '', n]) => [name, Number(n)] as const);
  return { numbers: new Map(all), names: new Map(all.map(([name, n]) => [n, name])) };
}

function readFields(
  type: MessageType,
  body: string,
  messages: ReadonlyMap<string, MessageType>,
  enums: ReadonlyMap<string, EnumType>,
): void {
  for (const [, name = '', number, map, of = '', mark] of body.matchAll(FIELD)) {
    const message = messages.get(of) ?? NO_MESSAGE;
    const value: ProtoField = {
      name,
      number: Number(number),
      kind: SCALARS.has(of) ? (of as Scalar) : enums.has(of) ? 'enum' : 'message',
      required: mark === '!',
      repeated: mark === '*',
      message,
      enum: enums.get(of) ?? NO_ENUM,
    };
    if (value.kind === 'message' && message === NO_MESSAGE) throw new Error(`${type.name}.${name}: no ${of}`);
    add(type, map === undefined ? value : mapOf(value));
  }
}

const FIELD = /(\w+) (\d+) (map )?([\w.]+)([!*]?)/g;

function add(type: MessageType, field: ProtoField): void {
  type.fields.push(field);
  type.byNumber.set(field.number, field);
  if (field.required) type.required.push(field.name);
}

/** On the wire a map is a list of entries. */
function mapOf(value: ProtoField): ProtoField {
  const entry: MessageType = { name: value.name, fields: [], byNumber: new Map(), required: [] };
  const scalar = { required: false, repeated: false, message: NO_MESSAGE, enum: NO_ENUM };
  add(entry, { ...scalar, name: 'key', number: 1, kind: 'string' });
  add(entry, { ...value, name: 'value', number: 2 });
  return { ...value, kind: 'map', message: entry };
}
