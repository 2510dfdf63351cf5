import fc from 'fast-check';
import { expect, it } from 'vitest';
import { documentOf } from '../../../test/support/protobuf-documents.ts';
import { textPieces } from '../../core/http/long-answer.ts';
import { longList } from '../../core/json/long-list.ts';
import { runAtOnce } from '../../core/slices.ts';
import { encodeDocument, longProtobuf } from './index.ts';
import { messageType } from './schema.ts';
import type { MessageType } from './schema.ts';

/** The same document with long lists where it has messages repeated, down to some depth. */
function lengthened(type: MessageType, json: Readonly<Record<string, unknown>>, levels: number): unknown {
  if (levels === 0) return json;
  const below = (of: MessageType, one: unknown): unknown => lengthened(of, one as typeof json, levels - 1);
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const field = type.fields.find((f) => f.name === name);
      if (field?.kind !== 'message') return [name, value];
      if (!field.repeated) return [name, below(field.message, value)];
      return [name, longList(value as unknown[], (item) => below(field.message, item), levels > 1)];
    }),
  );
}

function bytesOf(name: string, document: unknown): Buffer {
  const { texts, bytes } = runAtOnce(longProtobuf(name, document));
  const all = Buffer.concat([...textPieces([texts])].filter((piece) => piece !== undefined));
  expect(all.length).toBe(bytes);
  return all;
}

const encode = (name: string, document: unknown): Buffer =>
  Buffer.from(encodeDocument('application/x-protobuf', name, document));

it.each(['master.Response', 'master.Event', 'agent.Response'])(
  '%s with long lists has the bytes that it has with arrays',
  (name) => {
    fc.assert(
      fc.property(documentOf(name), fc.integer({ min: 1, max: 5 }), (json, levels) => {
        const long = lengthened(messageType(name), json, levels);
        expect(bytesOf(name, long).equals(encode(name, json))).toBe(true);
      }),
      { numRuns: 300 },
    );
  },
);

it('many items are written some at a time, in order', () => {
  const agents = Array.from({ length: 1000 }, (_, i) => ({ hostname: `agent${i}` }));
  const document = { get_agents: { recovered_agents: longList(agents, (a) => a) } };
  const work = longProtobuf('master.Response', document);
  let steps = 0;
  while (!work.next().done) steps++;
  expect(steps).toBeGreaterThan(20);
  const plain = { get_agents: { recovered_agents: agents } };
  expect(bytesOf('master.Response', document).equals(encode('master.Response', plain))).toBe(true);
});
