import fc from 'fast-check';
import { messageType } from '../../src/mesos/proto/schema.ts';
import type { MessageType, ProtoField } from '../../src/mesos/proto/schema.ts';

type Json = Readonly<Record<string, unknown>>;

/** For tests: any document of a message, as views write them: no empty lists, no nulls. Optional parts end after some levels. */
export function documentOf(message: string, levels = 5): fc.Arbitrary<Json> {
  return ofType(messageType(message), levels);
}

const made = new Map<string, fc.Arbitrary<Json>>();

function ofType(type: MessageType, levels: number): fc.Arbitrary<Json> {
  const key = `${type.name} ${levels}`;
  const known = made.get(key);
  if (known) return known;
  const fields = type.fields.filter((f) => f.required || levels > 0);
  const arbitrary = fc.tuple(fc.infiniteStream(fc.nat(6)), fc.constant(fields)).chain(([dice, all]) => {
    const taken = all.filter((f) => f.required || dice.next().value === 0);
    return fc.record(Object.fromEntries(taken.map((f) => [f.name, ofField(f, levels - 1)])));
  });
  made.set(key, arbitrary);
  return arbitrary;
}

function ofField(field: ProtoField, levels: number): fc.Arbitrary<unknown> {
  if (field.kind === 'map') {
    const value = field.message.byNumber.get(2) as ProtoField;
    const key = text.filter((name) => name !== '__proto__');
    return fc.dictionary(key, ofValue(value, levels), { minKeys: 1, maxKeys: 3, noNullPrototype: true });
  }
  const value = ofValue(field, levels);
  return field.repeated ? fc.array(value, { minLength: 1, maxLength: 3 }) : value;
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ minLength: 40, maxLength: 200 }),
);
const HUGE = 2 ** 11;

function ofValue(field: ProtoField, levels: number): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case 'string':
      return text;
    case 'bytes':
      return fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64'));
    case 'bool':
      return fc.boolean();
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffffffff });
    case 'int64':
      return fc.oneof(
        fc.maxSafeInteger(),
        fc.integer(),
        fc.bigInt({ min: -(2n ** 52n), max: 2n ** 52n - 1n }).map((n) => Number(n) * HUGE),
      );
    case 'uint64':
      return fc.oneof(
        fc.maxSafeNat(),
        fc.nat(),
        fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }).map((n) => Number(n) * HUGE),
      );
    case 'double':
      return fc.double({ noNaN: true });
    case 'enum':
      return fc.constantFrom(...field.enum.numbers.keys());
    case 'message':
    case 'map':
      return ofType(field.message, levels);
  }
}
