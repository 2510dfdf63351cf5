import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordDecoder } from '../recordio.ts';
import { decodeProtobuf, encodeDocument, recordEncoder } from './index.ts';
import { documentOf } from '../../../test/support/protobuf-documents.ts';
import { ReferenceCodec } from '../../../test/support/protobuf-reference.ts';

const PROTOBUF = 'application/x-protobuf';
const encode = (message: string, json: unknown): Buffer =>
  Buffer.from(encodeDocument(PROTOBUF, message, json));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const ROOTS = [
  'scheduler.Call',
  'scheduler.Event',
  'executor.Call',
  'executor.Event',
  'master.Call',
  'master.Response',
  'master.Event',
  'agent.Call',
  'agent.Response',
];

describe.each(ROOTS)('%s', (message) => {
  const reference = new ReferenceCodec(message);

  it('comes back as it was, and another implementation reads and writes the same', () => {
    fc.assert(
      fc.property(documentOf(message), (json) => {
        const bytes = encode(message, json);
        expect(decodeProtobuf(message, bytes)).toEqual(json);
        expect(reference.decode(bytes)).toEqual(json);
        expect(decodeProtobuf(message, reference.encode(json))).toEqual(json);
      }),
      { numRuns: 300 },
    );
  });
});

describe('reading', () => {
  const offer = { id: { value: 'o' }, framework_id: { value: 'f' }, agent_id: { value: 'a' }, hostname: 'h' };

  it.each([
    ['nothing at all', 'master.Call', '', {}],
    [
      'a field that nobody knows, of each type',
      'master.Call',
      '0803 f83f 01 f93f 0000000000000000 fa3f 01ff fd3f 00000000',
      { type: 'GET_VERSION' },
    ],
    ['an unknown group', 'master.Call', 'fb3f 0801 fc3f 0803', { type: 'GET_VERSION' }],
    ['an enum value that nobody knows', 'master.Call', '08e707', {}],
    ['of two values the last', 'master.Call', '0801 0803', { type: 'GET_VERSION' }],
    [
      'parts that are complete only together',
      'scheduler.Call',
      '1a05 0a03 0a0175 1a05 0a03 12016e',
      { subscribe: { framework_info: { user: 'u', name: 'n' } } },
    ],
    [
      'parts that are not complete together',
      'scheduler.Call',
      '1a05 0a03 0a0175 1a05 0a03 0a0175',
      undefined,
    ],
    [
      'parts that are merged',
      'scheduler.Call',
      '1a0d 0a0b 0a0175 12016e 3a0368 2e78 1a05 0a03 3a0179',
      { subscribe: { framework_info: { user: 'u', name: 'n', hostname: 'y' } } },
    ],
    ['a field of another type on the wire', 'master.Call', '0a0103 0803', { type: 'GET_VERSION' }],
    ['a negative enum', 'master.Call', '08ffffffffffffffffff01', {}],
    ['a bool that is 2', 'agent.Call', 'a201 02 0802', { get_containers: { show_nested: true } }],
    ['text that is not UTF-8', 'master.Call', '2203 0a01ff', { list_files: { path: '\ufffd' } }],
  ])('%s', (_what, message, bytes, expected) => {
    expect(decodeProtobuf(message, hex(bytes))).toEqual(expected);
  });

  it('numbers in one piece', () => {
    // a health check's HTTP part: port 80, statuses 200 and 301 packed
    const http = hex('0850 2204 c801ad02');
    const check = Buffer.concat([hex(`0a${http.length.toString(16).padStart(2, '0')}`), http]);
    expect(decodeProtobuf('HealthCheck', check)).toEqual({ http: { port: 80, statuses: [200, 301] } });
  });

  it.each([
    ['a varint that never ends', 'ffffff'],
    ['a varint of eleven bytes', '08ffffffffffffffffffffff01'],
    ['a length beyond the end', '220501'],
    ['a length beyond the message around it', '2203 0a0a61'],
    ['a length that reaches into what comes after its message', '2202 0a04 61616161'],
    ['field number 0', '0003'],
    ['an end of no group', '0c'],
    ['a group without an end', 'fb3f0801'],
    ['a group with the end of another', 'fb3f0801f43f'],
    ['wire type 6', '0e'],
    ['a double that was cut', '09000000'],
    ['a required field that is missing', '2200'],
  ])('not %s', (_what, bytes) => {
    expect(decodeProtobuf('master.Call', hex(bytes))).toBeUndefined();
  });

  it('not a number that is none', () => {
    const nan = Buffer.alloc(9, 0);
    nan[0] = 0x09;
    nan.writeDoubleLE(Number.NaN, 1);
    expect(decodeProtobuf('Filters', nan)).toBeUndefined();
    nan.writeDoubleLE(Infinity, 1);
    expect(decodeProtobuf('Filters', nan)).toEqual({ refuse_seconds: Infinity });
  });

  it('nothing that is nested deeper than Mesos reads it', () => {
    const nested = (levels: number): unknown => ({
      value: 'c',
      ...(levels > 0 && { parent: nested(levels - 1) }),
    });
    expect(decodeProtobuf('ContainerID', encode('ContainerID', nested(100)))).toEqual(nested(100));
    expect(decodeProtobuf('ContainerID', encode('ContainerID', nested(101)))).toBeUndefined();
    const groups = Buffer.concat([Buffer.alloc(200_000, 0x0b), Buffer.alloc(200_000, 0x0c)]);
    expect(decodeProtobuf('ContainerID', groups)).toBeUndefined();
  });

  it('not millions of messages in a few bytes each', () => {
    const empty = (count: number): Buffer =>
      Buffer.concat([hex('1200'), Buffer.alloc(2 * count, hex('5200'))]);
    const info = (count: number): Buffer => Buffer.concat([hex('0a00'), empty(count)]);
    expect(decodeProtobuf('FrameworkInfo', info(1000))?.['capabilities']).toHaveLength(1000);
    expect(decodeProtobuf('FrameworkInfo', info(1_000_001))).toBeUndefined();
  });

  it('no map with a value that lacks what is required', () => {
    const entry = (value: string): Buffer => hex(`0a0172 12 ${value}`);
    expect(decodeProtobuf('quota.QuotaConfig', entry('03 0a0163'))).toBeUndefined();
    expect(decodeProtobuf('quota.QuotaConfig', entry('05 0a0163 1200'))).toBeUndefined();
  });

  it('does not touch prototypes', () => {
    const entry = (key: string): Buffer => {
      const inner = Buffer.concat([
        hex('0a'),
        Buffer.from([key.length]),
        Buffer.from(key),
        hex('1209 090000000000000040'),
      ]);
      return Buffer.concat([hex('12'), Buffer.from([inner.length]), inner]);
    };
    const config = Buffer.concat([hex('0a0172'), entry('__proto__'), entry('constructor'), entry('cpus')]);
    const read = decodeProtobuf('quota.QuotaConfig', Buffer.from(config)) as { guarantees: object };
    expect(Object.entries(read.guarantees)).toEqual([
      ['constructor', { value: 2 }],
      ['cpus', { value: 2 }],
    ]);
    expect(Object.getPrototypeOf(read.guarantees)).toBe(Object.prototype);
  });

  it('the document of an offer, whatever its order', () => {
    const bytes = encode('Offer', offer);
    const first = bytes.subarray(0, 5);
    expect(decodeProtobuf('Offer', Buffer.concat([bytes.subarray(5), first]))).toEqual(offer);
  });
});

describe('writing', () => {
  it.each([
    [
      'numbers and booleans that are text',
      'agent.Call',
      { read_file: { path: 'p', offset: '7' }, get_containers: { show_nested: 'true' } },
      { read_file: { path: 'p', offset: 7 }, get_containers: { show_nested: true } },
    ],
    [
      'one instead of a list of one',
      'scheduler.Call',
      { revive: { roles: 'r' } },
      { revive: { roles: ['r'] } },
    ],
    ['no number for nothing', 'Filters', { refuse_seconds: ' ' }, {}],
    ['Infinity as text', 'Filters', { refuse_seconds: 'Infinity' }, { refuse_seconds: Infinity }],
    [
      'what does not fit is left out',
      'scheduler.Call',
      {
        type: 'NONSENSE',
        decline: { filters: { refuse_seconds: 'x' } },
        revive: { roles: [{}, null, 'r'] },
        suppress: 7,
        more: 1,
      },
      { decline: { filters: {} }, revive: { roles: ['r'] } },
    ],
    [
      'what is too large ends at the limit',
      'URL',
      { scheme: 's', address: { port: 2 ** 40 } },
      { scheme: 's', address: { port: 2 ** 31 - 1 } },
    ],
    ['no negative numbers without sign', 'ContainerStatus', { executor_pid: -1 }, { executor_pid: 0 }],
    ['half a character', 'TaskID', { value: '\ud800' }, { value: '\ufffd' }],
    ['null', 'scheduler.Call', { type: 'REVIVE', revive: null, framework_id: undefined }, { type: 'REVIVE' }],
  ])('%s', (_what, message, json, expected) => {
    expect(decodeProtobuf(message, encode(message, json))).toEqual(expected);
  });

  it('never throws, whatever a client left in a part that is passed on', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ROOTS), fc.anything(), (message, value) => {
        encode(message, value);
        encode('TaskInfo', {
          resources: value,
          limits: value,
          container: value,
          data: value,
          labels: { labels: value },
        });
      }),
    );
  });

  it('maps in the order that they have', () => {
    const guarantees = { mem: { value: 1 }, cpus: { value: 2 }, disk: { value: 3 } };
    const read = decodeProtobuf('quota.QuotaConfig', encode('quota.QuotaConfig', { role: 'r', guarantees }));
    expect(Object.keys(read?.['guarantees'] as object)).toEqual(['mem', 'cpus', 'disk']);
  });

  it('documents of any size', () => {
    const metrics = Array.from({ length: 20_000 }, (_, n) => ({ name: `${n}`.repeat(n % 50), value: n }));
    const answer = { type: 'GET_METRICS', get_metrics: { metrics } };
    for (let again = 0; again < 2; again++)
      expect(decodeProtobuf('master.Response', encode('master.Response', answer))).toEqual(answer);
  });

  it('records of a stream', () => {
    const events = [
      { type: 'HEARTBEAT' },
      { type: 'MESSAGE', message: { data: Buffer.alloc(300_000, 1).toString('base64') } },
    ];
    const encoder = recordEncoder(PROTOBUF, 'executor.Event');
    expect(recordEncoder(PROTOBUF, 'executor.Event')).toBe(encoder);
    const records = new RecordDecoder().push(Buffer.concat(events.map((event) => encoder(event))));
    expect(records.map((record) => decodeProtobuf('executor.Event', record))).toEqual(events);
  });
});
