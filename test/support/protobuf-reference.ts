import protobuf from 'protobufjs';
import { messageType } from '../../src/mesos/proto/schema.ts';
import type { MessageType, ProtoField } from '../../src/mesos/proto/schema.ts';

/** For tests and benchmarks: the same messages in protobufjs, as somebody else's opinion of what bytes mean. */
export class ReferenceCodec {
  readonly #type: protobuf.Type;

  constructor(message: string) {
    const root = new protobuf.Root();
    add(root, messageType(message));
    this.#type = root.lookupType(flat(message));
  }

  encode(json: Readonly<Record<string, unknown>>): Uint8Array {
    return this.#type.encode(this.#type.fromObject(json)).finish();
  }

  decode(bytes: Uint8Array): Readonly<Record<string, unknown>> {
    const options = { enums: String, bytes: String, longs: Number };
    return this.#type.toObject(this.#type.decode(bytes), options);
  }
}

const flat = (name: string): string => name.replaceAll('.', '_');

function add(root: protobuf.Root, type: MessageType): void {
  if (root.get(flat(type.name))) return;
  const made = new protobuf.Type(flat(type.name));
  root.add(made);
  for (const field of type.fields) {
    const map = field.kind === 'map';
    const value = map ? (field.message.byNumber.get(2) as ProtoField) : field;
    const of = nameOfType(root, `${type.name}.${field.name}`, value);
    const rule = field.required ? 'required' : field.repeated ? 'repeated' : 'optional';
    made.add(
      map
        ? new protobuf.MapField(field.name, field.number, 'string', of)
        : new protobuf.Field(field.name, field.number, of, rule, undefined, { packed: false }),
    );
  }
}

function nameOfType(root: protobuf.Root, path: string, field: ProtoField): string {
  if (field.kind === 'message') {
    add(root, field.message);
    return flat(field.message.name);
  }
  if (field.kind !== 'enum') return field.kind;
  const name = `${flat(path)}_enum`;
  root.add(new protobuf.Enum(name, Object.fromEntries(field.enum.numbers)));
  return name;
}
