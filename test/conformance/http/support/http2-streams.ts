import type { Random } from '../../../../src/core/random.ts';
import { block, frame, uint32 } from '../../../../src/lb/http2/testing/peer.ts';
import { mutate } from '../../../fuzz/http1-seeds.ts';

/*
 * Requests over HTTP/2 that make two readers disagree if anything does: field blocks as nobody should write them, bodies that are not
 * what their length says, frames cut, padded and mixed in every way that is allowed.
 */

type Field = readonly [name: string, value: string];

/** What a stream asks for, as its frames say. */
export interface Asked {
  readonly stream: number;
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly body: string;
}

export interface Written {
  readonly frames: Buffer;
  readonly asked: readonly Asked[];
  /** Every stream was ended, so that an answer to each will come. */
  readonly whole: boolean;
}

interface Draft {
  readonly fields: Field[];
  body: string;
  trailers: Field[];
}

const pseudo = (method: string, path: string, host: string): Field[] => [
  [':method', method],
  [':scheme', 'http'],
  [':path', path],
  [':authority', host],
];

const SMUGGLED = (host: string): string => `GET /smuggled HTTP/1.1\r\nHost: ${host}\r\nX: y\r\n\r\n`;

/** Requests with nothing wrong about them; `tag` tells them apart. */
const SEEDS: readonly ((tag: string, host: string) => Draft)[] = [
  (t, h) => draft(pseudo('GET', `/${t}a`, h)),
  (t, h) =>
    draft([
      ...pseudo('GET', `/${t}b/c?d=e&f=%20g`, h),
      ['cookie', 'a=b'],
      ['cookie', 'c=d; e=f'],
      ['accept', '*/*'],
    ]),
  (t, h) => draft([...pseudo('POST', `/${t}c`, h), ['content-length', '11']], 'hello world'),
  (t, h) => draft(pseudo('POST', `/${t}d`, h), 'hello world'),
  (t, h) => draft([...pseudo('PUT', `/${t}e`, h), ['trailer', 'x-t']], '0123456789', [['x-t', '1']]),
  (t, h) => draft([...pseudo('HEAD', `/${t}f`, h), ['host', h]]),
  (t, h) => draft([...pseudo('DELETE', `/${t}g`, h), ['content-length', '0'], ['x-empty', '']]),
  (t, h) =>
    draft([...pseudo('PUT', `/${t}h`, h), ['expect', '100-continue'], ['content-length', '3']], 'abc'),
  (t, h) => draft([...pseudo('GET', `/${t}i`, h), ['te', 'trailers'], ['x-forwarded-for', '1.2.3.4']]),
  (t, h) => draft([...pseudo('POST', `/${t}j`, h), ['content-length', `${SMUGGLED(h).length}`]], SMUGGLED(h)),
  (t, h) => draft(pseudo('POST', `/${t}k`, h), `0\r\n\r\n${SMUGGLED(h)}`),
  (t, h) =>
    draft(pseudo('PATCH', `/${t}l`, h), `5\r\nhello\r\n0\r\n\r\n`, [
      ['x-sum', '1'],
      ['x-more', '2'],
    ]),
  (t, h) => draft([...pseudo('GET', `/${t}m`, h).slice(0, 3), ['host', h]]),
  (t, h) => draft(pseudo('GET', `/${t}n`, h), 'body of a GET'),
  (t, h) => draft([...pseudo('OPTIONS', `/${t}o`, h), ['content-length', '2']], 'hi', [['x-t', '']]),
];

function draft(fields: Field[], body = '', trailers: Field[] = []): Draft {
  return { fields, body, trailers };
}

/** Stands for the name of the server that the request is for. */
const THE_HOST = '(host)';

const NASTY: readonly Field[] = [
  ['transfer-encoding', 'chunked'],
  ['transfer-encoding ', 'chunked'],
  ['Transfer-Encoding', 'chunked'],
  ['transfer_encoding', 'chunked'],
  ['x', 'y\r\ntransfer-encoding: chunked'],
  ['x', 'y\ntransfer-encoding: chunked'],
  ['x', 'y\rtransfer-encoding: chunked'],
  ['x', `y\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: ${THE_HOST}`],
  ['x', `y\r\ncontent-length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: ${THE_HOST}`],
  ['x\r\ntransfer-encoding', 'chunked'],
  ['x: y\r\ncontent-length', '0'],
  ['content-length', '0'],
  ['content-length', '3'],
  ['content-length', '5, 5'],
  ['content-length', '+5'],
  ['content-length', '05'],
  ['content-length', ' 5'],
  ['content-length', '5 '],
  ['content-length', '0x5'],
  ['content-length', ''],
  ['content-length', '18446744073709551621'],
  ['content_length', '5'],
  ['connection', 'close'],
  ['connection', 'content-length'],
  ['proxy-connection', 'keep-alive'],
  ['keep-alive', 'timeout=5'],
  ['upgrade', 'h2c'],
  ['http2-settings', 'AAMAAABkAAQCAAAAAAIAAAAA'],
  ['te', 'trailers'],
  ['te', 'gzip'],
  ['te', 'trailers, chunked'],
  ['expect', '100-continue'],
  ['expect', 'the worst'],
  ['host', 'evil.test'],
  ['host', THE_HOST],
  [':authority', 'evil.test'],
  [':path', '/other'],
  [':method', 'POST'],
  [':scheme', 'https'],
  [':status', '200'],
  [':protocol', 'websocket'],
  [':unknown', '1'],
  ['cookie', 'a=b'],
  ['cookie', ''],
  ['cookie', 'c=d;e;; f="g h"'],
  ['cookie', 'a\r\nb: c'],
  ['trailer', 'content-length'],
  ['x-http-method-override', 'DELETE'],
  ['x-original-url', '/other'],
  ['x_forwarded_for', '1.2.3.4'],
  ['a', 'b\0c'],
  ['a', '\x80\xff'],
  ['a\0', 'b'],
  ['a b', 'c'],
  ['a:b', 'c'],
  ['', 'x'],
  ['a', ' b'],
  ['a', 'b\t'],
  ['a', '\x0b'],
  ['range', 'bytes=0-1'],
];

const METHODS = [
  'POST',
  'get',
  'GET ',
  'GE\tT',
  'FROB',
  'TRACE',
  'PRI',
  'OPTIONS',
  'DELETE',
  'PUT',
  'GET /x HTTP/1.1\r\nX:',
  '',
];
const PATHS: readonly ((path: string, host: string) => string)[] = [
  (p) => `${p}?`,
  (p) => `${p}?a?b=c&d[]=%00`,
  (p) => `/${p}`,
  (p) => `${p}//x`,
  (p) => `${p}/%2e%2e/x`,
  (p) => `${p}/./x`,
  (p) => `${p}%2fx%5cy`,
  (p) => `${p}%zz`,
  (p) => `${p} HTTP/1.1`,
  (p, h) => `${p} HTTP/1.1\r\nHost: ${h}\r\n\r\nGET ${p}/smuggled`,
  (p) => `${p}\n`,
  (p) => `${p}\t`,
  (p) => `${p}\x7f`,
  (p) => `${p}\xe4`,
  (p) => `${p}#x`,
  (p) => `${p}\\x`,
  (p) => `${p};a=b`,
  (p) => `${p}/"<a|b>{c}^\``,
  (p, h) => `http://${h}${p}`,
  (p) => p.slice(1),
  () => '',
];
const HOSTS: readonly ((host: string) => string)[] = [
  (h) => h.toUpperCase(),
  (h) => `${h}:80`,
  (h) => `${h}:0080`,
  (h) => `${h}:`,
  (h) => `${h}.`,
  (h) => `u@${h}`,
  (h) => `${h}/x`,
  (h) => `${h} x`,
  (h) => `${h},evil.test`,
  (h) => `${h}\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: ${h}`,
  (h) => `${h}\0`,
  () => 'evil.test',
  () => '',
];

/** Up to three requests on one connection, the same for every host but for its name, and what they ask for. */
export function writeStreams(random: Random, tag: string, host: string): Written {
  const lanes: Buffer[][] = [];
  const asked: Asked[] = [];
  let whole = true;
  for (let k = 0, n = 1 + random.int(3); k < n; k++) {
    const stream = 2 * k + 1;
    const one = pick(SEEDS, random)(`${tag}-${k}`, host);
    if (random.int(4) > 0) for (let i = 1 + random.int(2); i > 0; i--) spoil(one, host, random);
    const ends = random.int(25) > 0;
    whole &&= ends;
    asked.push(asksFor(stream, one));
    lanes.push(framesOf(stream, one, ends, random));
  }
  return { frames: mixed(lanes, random), asked, whole };
}

/** One thing about it becomes odd. */
function spoil(one: Draft, host: string, random: Random): void {
  const { fields } = one;
  const at = random.int(fields.length);
  const [name, value] = fields[at] ?? ['', ''];
  switch (random.int(9)) {
    case 0:
      return replace(fields, ':method', () => pick(METHODS, random));
    case 1:
      return replace(fields, ':path', (path) => pick(PATHS, random)(path, host));
    case 2:
      return replace(fields, ':authority', () => pick(HOSTS, random)(host));
    case 3:
      fields[at] = [name, changed(value, random)];
      return;
    case 4:
      fields[at] = random.int(2) === 0 ? [changed(name, random), value] : [name.toUpperCase(), value];
      return;
    case 5:
      if (random.int(2) === 0) fields.splice(at, 1);
      else fields.splice(random.int(fields.length + 1), 0, [name, value]);
      return;
    case 6:
      one.body = random.int(2) === 0 ? one.body.slice(0, random.int(one.body.length + 1)) : `${one.body}more`;
      return;
    case 7:
      one.trailers = [...one.trailers, nasty(host, random)];
      return;
    default:
      // Mostly where it belongs, now and then before a pseudo-header.
      fields.splice(random.int(5) === 0 ? at : fields.length, 0, nasty(host, random));
  }
}

function nasty(host: string, random: Random): Field {
  const [name, value] = pick(NASTY, random);
  return [name, value.replace(THE_HOST, host)];
}

function replace(fields: Field[], name: string, by: (value: string) => string): void {
  const i = fields.findIndex((field) => field[0] === name);
  if (i >= 0) fields[i] = [name, by(fields[i]?.[1] ?? '')];
}

function changed(text: string, random: Random): string {
  const other = mutate([text], random).toString('latin1');
  // What has become another server's name by chance would be about another server.
  return /o[0-4]\.test/i.test(other) && !other.includes(text) ? text : other;
}

function asksFor(stream: number, { fields, body }: Draft): Asked {
  const of = (name: string): readonly string[] => fields.filter((f) => f[0] === name).map((f) => f[1]);
  // Twice is as good as never: it can be no request at all.
  const only = (name: string): string => (of(name).length === 1 ? (of(name)[0] ?? '') : '(none)');
  const host = only(of(':authority').length > 0 ? ':authority' : 'host');
  return { stream, method: only(':method'), url: only(':path'), host, body };
}

const END_STREAM = 1;
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 32;

/** Each Buffer may have frames of other streams before and behind it, not within. */
function framesOf(
  stream: number,
  { fields, body, trailers }: Draft,
  ends: boolean,
  random: Random,
): Buffer[] {
  const pieces = cut(Buffer.from(body, 'latin1'), random);
  // An end of its own, in an empty frame.
  if (body !== '' && trailers.length === 0 && random.int(4) === 0) pieces.push(Buffer.alloc(0));
  if (body === '' && trailers.length === 0 && random.int(4) > 0) pieces.length = 0;
  const last = (is: boolean): number => (is && ends && trailers.length === 0 ? END_STREAM : 0);
  const frames = [headers(stream, block(fields), last(pieces.length === 0), random)];
  for (const [i, piece] of pieces.entries())
    frames.push(padded(0, last(i === pieces.length - 1), stream, piece, random));
  if (trailers.length > 0) frames.push(headers(stream, block(trailers), ends ? END_STREAM : 0, random));
  if (random.int(10) === 0) frames.splice(1 + random.int(frames.length), 0, pick(ODD, random)(stream));
  return frames;
}

/** Frames that change nothing, wherever they stand behind the first of a stream. */
const ODD: readonly ((stream: number) => Buffer)[] = [
  (stream) => frame(0x20, 0xff, stream, 'what is this'),
  (stream) => frame(2, 0, stream, Buffer.from([0, 0, 0, 0, 16])),
  (stream) => frame(8, 0, stream, uint32(1_000)),
  () => frame(8, 0, 0, uint32(1_000)),
  () => frame(6, 0, 0, '12345678'),
  () => frame(4, 0, 0),
];

/** HEADERS and CONTINUATION. */
function headers(stream: number, fields: Buffer, flags: number, random: Random): Buffer {
  const [first = Buffer.alloc(0), ...rest] = random.int(3) === 0 ? cut(fields, random) : [fields];
  const priority = random.int(8) === 0;
  const payload = priority ? Buffer.concat([Buffer.from([0, 0, 0, 0, 200]), first]) : first;
  const more = (i: number): number => (i === rest.length ? END_HEADERS : 0);
  const begin = padded(1, flags | more(0) | (priority ? PRIORITY : 0), stream, payload, random);
  return Buffer.concat([begin, ...rest.map((piece, i) => frame(9, more(i + 1), stream, piece))]);
}

function padded(type: number, flags: number, stream: number, payload: Buffer, random: Random): Buffer {
  if (random.int(6) > 0) return frame(type, flags, stream, payload);
  const padding = Buffer.alloc(random.int(20));
  return frame(
    type,
    flags | PADDED,
    stream,
    Buffer.concat([Buffer.from([padding.length]), payload, padding]),
  );
}

/** One to four pieces, of which some may be empty. */
function cut(bytes: Buffer, random: Random): Buffer[] {
  const at = Array.from({ length: random.int(4) }, () => random.int(bytes.length + 1)).sort((a, b) => a - b);
  return [...at, bytes.length].map((end, i) => bytes.subarray(at[i - 1] ?? 0, end));
}

/** The frames of all streams side by side; streams begin in order. */
function mixed(lanes: readonly Buffer[][], random: Random): Buffer {
  const out: Buffer[] = [];
  for (let begun = 0; lanes.some((lane) => lane.length > 0);) {
    const choice = random.int(Math.min(begun + 1, lanes.length));
    if (choice === begun) begun += 1;
    const next = lanes[choice]?.shift();
    if (next !== undefined) out.push(next);
  }
  return Buffer.concat(out);
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random.int(list.length)] as T;
}
