import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MOST_HELLO_BYTES, parseHello } from './hello.ts';

const block = (width: 1 | 2 | 3, ...parts: (readonly number[] | Uint8Array)[]): number[] => {
  const body = parts.flatMap((part) => [...part]);
  const length = [body.length >> 16, (body.length >> 8) & 255, body.length & 255];
  return [...length.slice(3 - width), ...body];
};
const extension = (type: number, body: readonly number[]): number[] => [
  type >> 8,
  type & 255,
  ...block(2, body),
];
const serverName = (name: string): number[] =>
  extension(0, block(2, [0, ...block(2, Buffer.from(name, 'latin1'))]));
const alpn = (...protocols: string[]): number[] =>
  extension(16, block(2, ...protocols.map((p) => block(1, Buffer.from(p)))));

interface Parts {
  readonly extensions?: readonly (readonly number[])[];
  readonly sessionId?: readonly number[];
}

/** The message of a ClientHello. */
function message({ extensions, sessionId = [] }: Parts): number[] {
  const random = Array.from({ length: 32 }, (_, i) => i);
  const body = [3, 3, ...random, ...block(1, sessionId), ...block(2, [0x0a, 0x0a, 0x13, 1]), 1, 0];
  if (extensions) body.push(...block(2, ...extensions));
  return [1, ...block(3, body)];
}

/** It in records whose fragments have at most `most` bytes. */
function records(bytes: readonly number[], most = 16_384): Uint8Array {
  const all: number[] = [];
  for (let at = 0; at < bytes.length; at += most) all.push(22, 3, 1, ...block(2, bytes.slice(at, at + most)));
  return Uint8Array.from(all);
}

const hello = (parts: Parts, most?: number) => parseHello(records(message(parts), most));

describe('parseHello', () => {
  it('reads the name, the protocols and the name of the key of a ticket', () => {
    const ticket = Array.from({ length: 200 }, (_, i) => i);
    const grease = extension(0x1a1a, [0]);
    const other = extension(10, [0, 2, 0, 29]);
    expect(
      hello({
        extensions: [grease, serverName('A.Example.'), other, alpn('h2', 'http/1.1'), extension(35, ticket)],
      }),
    ).toEqual({
      kind: 'hello',
      hello: {
        serverName: 'a.example',
        alpn: ['h2', 'http/1.1'],
        ticketKeyName: Uint8Array.from(ticket.slice(0, 16)),
      },
    });
    const psk = extension(41, [...block(2, [...block(2, ticket.slice(100)), 0, 0, 0, 0]), ...block(2, [0])]);
    expect(hello({ extensions: [extension(35, ticket), psk] })).toMatchObject({
      hello: { ticketKeyName: Uint8Array.from(ticket.slice(100, 116)) },
    });
  });

  it.each([
    ['no extensions at all', {}],
    ['an empty ticket', { extensions: [extension(35, [])] }],
    ['names of another type', { extensions: [extension(0, block(2, [1, ...block(2, [1, 2])]))] }],
  ])('takes %s', (_name, parts) => {
    expect(hello(parts)).toEqual({
      kind: 'hello',
      hello: { serverName: undefined, alpn: [], ticketKeyName: undefined },
    });
  });

  it.each([
    ['the same name twice', [serverName('a.test'), serverName('a.test')]],
    ['an empty name', [serverName('')]],
    ['a name with a blank', [serverName('a b')]],
    ['a name with NUL', [serverName('a.test\0')]],
    ['a name of 256 bytes', [serverName('a'.repeat(256))]],
    ['an empty protocol', [alpn('')]],
    ['no protocols', [alpn()]],
    ['a list that is longer than its extension', [extension(0, [0, 9, 0, 0, 1, 97])]],
    ['an identity that is longer than its list', [extension(41, [0, 4, 0, 9, 1, 1])]],
  ])('refuses %s', (_name, extensions) => {
    expect(hello({ extensions })).toEqual({ kind: 'failed', reason: 'malformed ClientHello' });
  });

  it.each([
    ['a record without bytes', [22, 3, 1, 0, 0], /malformed record/],
    ['a record that is too long', [22, 3, 1, 0x40, 1], /malformed record/],
    ['another version', [22, 2, 0], /not TLS/],
    ['an alert', [21, 3, 1, 0, 2, 2, 40], /not TLS/],
    ['an alert in the middle', [...records(message({}).slice(0, 9)), 21], /another record/],
    ['SSL 2.0', [0x80, 44, 1, 3, 1], /SSL 2.0/],
    ['a request of HTTP', [...Buffer.from('GET /')], /plain HTTP/],
    ['a ServerHello', [22, 3, 3, 0, 4, 2], /no ClientHello/],
    ['a message without end', [22, 3, 1, 0x10, 0, 1, 0, 0x40, 0], /longer than 16 KiB/],
  ])('knows %s for what it is', (_name, bytes, reason) => {
    const result = parseHello(Uint8Array.from(bytes));
    expect(result.kind === 'failed' ? result.reason : result.kind).toMatch(reason);
  });

  const parts = fc.record({
    sessionId: fc.array(fc.nat(255), { maxLength: 32 }),
    extensions: fc.tuple(
      fc.array(fc.nat(255), { maxLength: 300 }).map((body) => extension(0x2a2a, body)),
      fc.constant(serverName('name.test')),
      fc.constant(alpn('h2')),
    ),
  });

  it('is the same however it is cut into records, and incomplete until its last byte', () => {
    fc.assert(
      fc.property(
        parts,
        fc.integer({ min: 1, max: 500 }),
        fc.uint8Array({ maxLength: 40 }),
        (given, most, after) => {
          const whole = hello(given);
          expect(whole.kind).toBe('hello');
          const bytes = records(message(given), most);
          for (let n = 0; n < bytes.length; n++)
            expect(parseHello(bytes.subarray(0, n)).kind).toBe('incomplete');
          expect(parseHello(Buffer.concat([bytes, after]))).toEqual(whole);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('never throws, and never waits for more than 16 KiB', () => {
    const mutated = fc
      .tuple(parts, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }))
      .map(([given, changes]) => {
        const bytes = records(message(given));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        parseHello(bytes);
      }),
      { numRuns: 2_000 },
    );
    // One byte a record, the dearest way to say it.
    const long = records(
      message({
        extensions: [
          extension(
            0x2a2a,
            Array.from({ length: 15_000 }, () => 0),
          ),
        ],
      }),
      1,
    );
    expect(parseHello(long.subarray(0, MOST_HELLO_BYTES + 1)).kind).toBe('failed');
  });
});
