import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../core/random.ts';
import { OutBuffer, OutPool } from '../frames/index.ts';
import { huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts';
import { blockLimit, FieldBlock, HpackDecoder, HpackEncoder, Kind } from './index.ts';

type FieldList = readonly (readonly [string, string])[];
const LIMITS = { listBytes: 16 * 1024, fields: 100 };
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function encode(encoder: HpackEncoder, fields: FieldList): Uint8Array {
  const out = new OutBuffer(new OutPool());
  encoder.begin(out);
  for (const [name, value] of fields) {
    const bytes = latin1(name + value);
    encoder.field(out, bytes, 0, name.length, name.length, bytes.length);
  }
  return out.bytes.slice(0, out.length);
}

function decode(
  decoder: HpackDecoder,
  bytes: Uint8Array,
  block = new FieldBlock(LIMITS),
): FieldList | undefined {
  if (!decoder.decode(bytes, 0, bytes.length, block)) return undefined;
  return Array.from({ length: block.count }, (_, i) => [block.name(i), block.value(i)] as const);
}

describe('the Huffman code', () => {
  it('gives back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const coded = new Uint8Array(huffmanLength(bytes, 0, bytes.length));
        expect(huffmanEncode(bytes, 0, bytes.length, coded, 0)).toBe(coded.length);
        const back = new Uint8Array(Math.ceil((coded.length * 8) / 5) + 1);
        const end = huffmanDecode(coded, 0, coded.length, back, 0);
        expect(Buffer.from(back.subarray(0, end))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it('knows each symbol alone', () => {
    for (let c = 0; c < 256; c++) {
      const coded = new Uint8Array(huffmanLength(Uint8Array.of(c), 0, 1));
      huffmanEncode(Uint8Array.of(c), 0, 1, coded, 0);
      const back = new Uint8Array(8);
      expect([huffmanDecode(coded, 0, coded.length, back, 0), back[0]]).toEqual([1, c]);
    }
  });

  it.each([
    ['padding with a zero', '1e'],
    ['eight bits of padding', '1fff'],
    ['the end-of-string symbol', 'ffffffff'],
    ['the end-of-string symbol behind a letter', '1fffffffff'],
    ['a code that is cut short', 'fffe'],
  ])('refuses %s', (_, hex) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(huffmanDecode(bytes, 0, bytes.length, new Uint8Array(64), 0)).toBe(-1);
  });
});

describe('the decoder', () => {
  it('reads the examples of RFC 7541, appendix C.4 and C.6', () => {
    const decoder = new HpackDecoder();
    const read = (hex: string): FieldList | undefined => decode(decoder, Buffer.from(hex, 'hex'));
    const request = [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
    ];
    expect(read('828684418cf1e3c2e5f23a6ba0ab90f4ff')).toEqual(request);
    expect(decoder.tableBytes).toBe(57);
    expect(read('828684be5886a8eb10649cbf')).toEqual([...request, ['cache-control', 'no-cache']]);
    expect(decoder.tableBytes).toBe(110);
    expect(read('828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf')).toEqual([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/index.html'],
      [':authority', 'www.example.com'],
      ['custom-key', 'custom-value'],
    ]);
    expect(decoder.tableBytes).toBe(164);
  });

  it.each([
    ['index 0', '80'],
    ['an index behind the table', 'be'],
    ['a name behind the table', '7e0161'],
    ['an integer without end', 'ffffffffffff7f'],
    ['an integer that is cut short', 'ff'],
    ['a string that is cut short', '400361'],
    ['a size update beyond our setting', '3fe220'],
    ['a size update behind a field', '8220'],
  ])('refuses %s', (_, hex) => {
    expect(decode(new HpackDecoder(), Buffer.from(hex, 'hex'))).toBeUndefined();
  });

  it.each([
    ['an upper-case name', 'Host', 'a', Kind.BAD],
    ['a name with a blank', 'a b', 'a', Kind.BAD],
    ['no name', '', 'a', Kind.BAD],
    ['an unknown pseudo-header', ':foo', 'a', Kind.BAD],
    ['a field of one connection', 'connection', 'close', Kind.BAD],
    ['transfer-encoding', 'transfer-encoding', 'chunked', Kind.BAD],
    ['a line feed in a value', 'x', 'a\nb: c', Kind.BAD],
    ['a carriage return in a value', 'x', 'a\rb', Kind.BAD],
    ['a NUL in a value', 'x', 'a\0b', Kind.BAD],
    ['a blank before a value', 'x', ' a', Kind.BAD],
    ['a tab behind a value', 'x', 'a\t', Kind.BAD],
    ['a tab within a value', 'x', 'a\tb', Kind.OTHER],
    ['an empty value', 'x', '', Kind.OTHER],
    ['te', 'te', 'trailers', Kind.TE],
  ])('judges %s, also when it comes back out of the table', (_, name, value, kind) => {
    const decoder = new HpackDecoder();
    const block = new FieldBlock(LIMITS);
    const literal = Buffer.concat([
      Buffer.from([0x40, name.length]),
      latin1(name),
      Buffer.from([value.length]),
      latin1(value),
    ]);
    decode(decoder, Buffer.concat([literal, Buffer.from([0xbe])]), block);
    expect([block.count, block.kind[0], block.kind[1]]).toEqual([2, kind, kind]);
  });

  it('does not take a bad value for a bad name', () => {
    const block = new FieldBlock(LIMITS);
    // "x: \n" into the table, then its name with a sound value.
    decode(new HpackDecoder(), Buffer.from('400178010a0f2f0161', 'hex'), block);
    expect([block.kind[0], block.kind[1]]).toEqual([Kind.BAD, Kind.OTHER]);
  });

  it('decodes a bomb to its end in little memory, and says that it is too large', () => {
    const decoder = new HpackDecoder();
    const block = new FieldBlock(LIMITS);
    const literal = Buffer.concat([
      Buffer.from([0x40, 1, 120, 0x7f]),
      varint(4000 - 127),
      Buffer.alloc(4000, 97),
    ]);
    const bomb = Buffer.concat([literal, Buffer.alloc(16_000, 0xbe)]);
    expect(decoder.decode(bomb, 0, bomb.length, block)).toBe(true);
    expect(block.tooLarge).toBe(true);
    expect(block.length).toBeLessThanOrEqual(LIMITS.listBytes);
    expect(decode(decoder, Buffer.from('be', 'hex'))?.[0]?.[1].length).toBe(4000);
  });

  it('never throws and never leaves its limits, whatever comes', () => {
    const random = seededRandom(7);
    const block = new FieldBlock(LIMITS);
    let decoder = new HpackDecoder();
    for (let i = 0; i < 20_000; i++) {
      const bytes = random.bytes(random.int(60));
      if (random.int(3) === 0 && bytes.length > 0) bytes[0] = 0x40;
      if (!decoder.decode(bytes, 0, bytes.length, block)) decoder = new HpackDecoder();
      if (block.length > LIMITS.listBytes || decoder.tableBytes > 4096) throw new Error('limits');
    }
    const long = new Uint8Array(blockLimit(LIMITS) + 1).fill(0x82);
    expect(decoder.decode(long, 0, long.length, block)).toBe(false);
  });
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Fields that come back, as those of real messages do. */
const fieldLists = fc.array(
  fc.array(
    fc.tuple(
      fc.constantFrom(
        'server',
        'date',
        'x-id',
        'content-type',
        'cookie',
        'set-cookie',
        'x-long-name-of-a-field',
        'via',
      ),
      fc.oneof(
        fc.constantFrom('a', 'nginx', 'text/html', 'x'.repeat(900)),
        fc.stringMatching(/^[!-~]{0,40}$/),
      ),
    ),
    { maxLength: 12 },
  ),
  { maxLength: 20 },
);

describe('the encoder', () => {
  it('is understood by the decoder, block after block, and both have the same table', () => {
    fc.assert(
      fc.property(fieldLists, fc.array(fc.nat(5000)), (lists, limits) => {
        const encoder = new HpackEncoder();
        const decoder = new HpackDecoder();
        for (const [i, fields] of lists.entries()) {
          const limit = limits[i];
          if (limit !== undefined) encoder.setPeerLimit(limit);
          expect(decode(decoder, encode(encoder, fields))).toEqual(fields);
          expect(decoder.tableBytes).toBe(encoder.tableBytes);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('writes names in lower case', () => {
    expect(decode(new HpackDecoder(), encode(new HpackEncoder(), [['X-Request-ID', 'Ab']]))).toEqual([
      ['x-request-id', 'Ab'],
    ]);
  });

  it('needs one byte for a field from the third time on', () => {
    const encoder = new HpackEncoder();
    const sizes = [1, 2, 3].map(() => encode(encoder, [['server', 'rimrock']]).length);
    expect(sizes).toEqual([8, 7, 1]);
  });

  it('never puts what opens doors into a table', () => {
    const encoder = new HpackEncoder();
    for (const name of ['authorization', 'Cookie', 'set-cookie', 'proxy-authorization']) {
      for (let i = 0; i < 3; i++)
        expect(((encode(encoder, [[name, 'secret']])[0] ?? 0) & 0xf0) === 0x10).toBe(true);
    }
    expect(encoder.tableBytes).toBe(0);
  });

  it('announces the smallest and the last size of its table', () => {
    const encoder = new HpackEncoder();
    encoder.setPeerLimit(0);
    encoder.setPeerLimit(100);
    expect([...encode(encoder, [])]).toEqual([0x20, 0x3f, 69]);
    expect([...encode(encoder, [])]).toEqual([]);
  });
});

const PYTHON = '/usr/bin/python3';
const hasPython = spawnSync(PYTHON, ['-c', 'import hpack']).status === 0;

describe.runIf(hasPython)('beside the hpack package of Python', () => {
  const run = (script: string, input: unknown): unknown => {
    const result = spawnSync(PYTHON, ['-c', script], { input: JSON.stringify(input), maxBuffer: 1 << 26 });
    if (result.status !== 0) throw new Error(result.stderr.toString());
    return JSON.parse(result.stdout.toString());
  };
  const lists = (): FieldList[] => fc.sample(fieldLists, { seed: 5, numRuns: 60 }).flat();

  it('what we encode is decoded there to the same', () => {
    const encoder = new HpackEncoder();
    const wanted = lists();
    const blocks = wanted.map((fields) => Buffer.from(encode(encoder, fields)).toString('hex'));
    const script =
      'import sys,json,hpack\nd=hpack.Decoder();d.max_header_list_size=1<<20\n' +
      'print(json.dumps([[[n,v] for n,v in d.decode(bytes.fromhex(b))] for b in json.load(sys.stdin)]))';
    expect(run(script, blocks)).toEqual(wanted);
  });

  it('what is encoded there we decode to the same', () => {
    const wanted = lists();
    const script =
      'import sys,json,hpack\ne=hpack.Encoder()\n' +
      'print(json.dumps([e.encode([tuple(f) for f in b],huffman=i%2==0).hex() for i,b in enumerate(json.load(sys.stdin))]))';
    const blocks = run(script, wanted) as string[];
    const decoder = new HpackDecoder();
    expect(blocks.map((hex) => decode(decoder, Buffer.from(hex, 'hex')))).toEqual(wanted);
  });
});
