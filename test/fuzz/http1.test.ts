import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import type { Random } from '../../src/core/random.ts';
import { Admission } from '../../src/lb/forward/admit.ts';
import {
  BodyReader,
  FieldId,
  Fields,
  parseFields,
  RequestParser,
  requestBody,
  responseBody,
  ResponseParser,
} from '../../src/lb/http1/index.ts';
import { mutate, REQUESTS, RESPONSES } from './http1-seeds.ts';

/**
 * Mutated messages against the HTTP/1.1 framing: no crash, no input that takes over 5 ms, the same reading however the
 * bytes are cut, and on every message that we accept Node's own parser agrees: on the head, on the body, and on where
 * the message ends. RIMROCK_FUZZ_RUNS raises the number of inputs, RIMROCK_FUZZ_SEED picks other ones.
 */
const RUNS = Number(process.env['RIMROCK_FUZZ_RUNS'] ?? 50_000);
const SEED = Number(process.env['RIMROCK_FUZZ_SEED'] ?? 20_261_122);
const MAX_MS = 5;
const BATCH = 250;

interface Message {
  first: string;
  fields: string[];
  body: string;
  trailers: string[];
}

const limits = { headBytes: 16_384, lineBytes: 8_192, fields: 100 };
const requests = new RequestParser(limits);
const responses = new ResponseParser(limits);
const admission = new Admission(undefined);

/** One complete message as we read it, or undefined when we refuse it or want more. */
function readBody(
  bytes: Buffer,
  start: number,
  length: number,
  cuts: readonly number[],
): { end: number; body: Message } | undefined {
  const reader = new BodyReader();
  reader.begin(length);
  let body = '';
  reader.onPayload = (from, s, e) => {
    body += Buffer.from(from.subarray(s, e)).toString('latin1');
  };
  let at = start;
  for (const cut of [...cuts.filter((c) => c > start), bytes.length]) {
    // A piece ends at each cut; what was not taken belongs to the next message.
    const piece = bytes.subarray(0, cut);
    if (reader.done || reader.error !== undefined) break;
    at = reader.push(piece, at, cut);
  }
  const closed = length < 0 && !reader.done && reader.error === undefined && reader.finish();
  if (!reader.done && !closed) return undefined;
  const trailers: string[] = [];
  if (reader.trailers !== undefined) {
    const fields = new Fields(100);
    fields.reset(reader.trailers);
    if (parseFields(reader.trailers, 0, reader.trailers.length, fields, { error: undefined }) <= 0)
      return undefined;
    // Such trailers are refused or left out on the way (forward/heads.ts), so nobody reads them.
    if ((fields.present & ~1) !== 0) return undefined;
    trailers.push(...lines(fields));
  }
  return { end: at, body: { first: '', fields: [], body, trailers } };
}

function lines(fields: Fields): string[] {
  return Array.from({ length: fields.count }, (_, i) => `${fields.name(i)}: ${fields.value(i)}`);
}

function ourRequest(bytes: Buffer, cuts: readonly number[]): { end: number; message: Message } | undefined {
  const headEnd = requests.parse(bytes, 0, bytes.length);
  if (headEnd <= 0) return undefined;
  const length = requestBody(requests.fields, requests.version);
  const admitted = admission.admit(requests);
  if (typeof admitted === 'string' || typeof length === 'string') return undefined;
  const first = `${requests.method} ${requests.target} ${requests.version}`;
  const fields = lines(requests.fields);
  const rest = readBody(bytes, headEnd, length, cuts);
  return rest && { end: rest.end, message: { ...rest.body, first, fields } };
}

function ourResponse(bytes: Buffer, cuts: readonly number[]): { end: number; message: Message } | undefined {
  const headEnd = responses.parse(bytes, 0, bytes.length);
  if (headEnd <= 0 || responses.status < 200) return undefined;
  const length = responseBody(responses.fields, responses.version, responses.status, false);
  if (typeof length === 'string') return undefined;
  const first = `${responses.status} ${responses.version}`;
  const fields = lines(responses.fields);
  const rest = readBody(bytes, headEnd, length, cuts);
  return rest && { end: rest.end, message: { ...rest.body, first, fields } };
}

/** A connection in memory. */
class Wire extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}

const pairs = (raw: readonly string[]): string[] =>
  raw.flatMap((name, i) => (i % 2 === 0 ? [`${name.toLowerCase()}: ${raw[i + 1] ?? ''}`] : []));

async function drained(message: IncomingMessage): Promise<string> {
  let body = '';
  message.setEncoding('latin1');
  for await (const piece of message) body += String(piece);
  return body;
}

const SENTINEL = 'GET /sentinel HTTP/1.1\r\nHost: s\r\n\r\n';

/** How a Node server reads the message followed by another one: the message, or what it complains about. */
function nodeServer(): (bytes: Buffer) => Promise<Message | string> {
  const waiting = new Map<
    Duplex,
    { settle: (m: Message | string) => void; last: boolean; messages: (Message | undefined)[] }
  >();
  const server = createServer({ maxHeaderSize: 65_536, keepAlive: true }, (req, res) => {
    const entry = waiting.get(req.socket);
    const mine = entry?.messages.push(undefined) ?? 0;
    void drained(req).then(
      (body) => {
        res.shouldKeepAlive = true;
        res.end();
        if (entry === undefined) return;
        entry.messages[mine - 1] = {
          first: `${req.method} ${req.url} ${Number(req.httpVersion.replace('.', ''))}`,
          fields: pairs(req.rawHeaders),
          body,
          trailers: pairs(req.rawTrailers),
        };
        const [message, next] = entry.messages;
        if (message === undefined || (next === undefined && !entry.last)) return;
        const sound = entry.last || next?.first === 'GET /sentinel 11';
        entry.settle(sound ? message : `found ${next?.first} instead of the next request`);
      },
      (error: Error) => entry?.settle(`body: ${error.message}`),
    );
  });
  server.on('clientError', (error, wire) => waiting.get(wire)?.settle(`refused: ${error.message}`));
  server.on('checkContinue', (req, res) => server.emit('request', req, res));
  server.maxHeadersCount = 0;
  return (bytes) =>
    new Promise((resolve) => {
      const wire = new Wire();
      const settle = (message: Message | string): void => {
        if (!waiting.delete(wire)) return;
        resolve(message);
        wire.destroy();
      };
      // A message that closes or asks for an upgrade is the last one: Node refuses or leaves alone what follows it.
      const closes = requests.fields.list(FieldId.CONNECTION).includes('close');
      const last = requests.version < 11 || closes || requests.fields.has(FieldId.UPGRADE);
      waiting.set(wire, { settle, last, messages: [] });
      wire.on('error', () => settle('connection failed'));
      wire.on('close', () => settle('closed early'));
      server.emit('connection', wire);
      wire.push(last ? bytes : Buffer.concat([bytes, Buffer.from(SENTINEL)]));
    });
}

/** How a Node client reads a response (which ends the connection). */
function nodeClient(bytes: Buffer): Promise<Message | string> {
  return new Promise((resolve) => {
    const wire = new Wire();
    const req = httpRequest({ createConnection: () => wire, maxHeaderSize: 65_536 });
    req.on('error', (error) => resolve(`refused: ${error.message}`));
    req.on('response', (res) => {
      void drained(res).then(
        (body) => {
          resolve({
            first: `${res.statusCode} ${Number(res.httpVersion.replace('.', ''))}`,
            fields: pairs(res.rawHeaders),
            body,
            trailers: pairs(res.rawTrailers),
          });
          wire.destroy();
        },
        (error: Error) => resolve(`body: ${error.message}`),
      );
    });
    req.end();
    wire.push(bytes);
    wire.push(null);
  });
}

type Read = (bytes: Buffer, cuts: readonly number[]) => { end: number; message: Message } | undefined;

/** Our reading, timed and independent of how the bytes are cut. */
function ours(read: Read, bytes: Buffer, random: Random): ReturnType<Read> {
  const started = performance.now();
  const whole = read(bytes, []);
  if (performance.now() - started > MAX_MS) {
    // The machine may have been busy: only an input that is slow each time is slow.
    const times = Array.from({ length: 5 }, () => {
      const again = performance.now();
      read(bytes, []);
      return performance.now() - again;
    });
    expect(Math.min(...times), `slow: ${JSON.stringify(bytes.toString('latin1'))}`).toBeLessThan(MAX_MS);
  }
  const cuts = [random.int(bytes.length + 1), random.int(bytes.length + 1)].sort((a, b) => a - b);
  const pieces = read(bytes, cuts);
  if (JSON.stringify(pieces) !== JSON.stringify(whole))
    expect.fail(`cut at ${cuts.join(', ')} reads differently: ${JSON.stringify(bytes.toString('latin1'))}`);
  return whole;
}

async function agree(
  seeds: readonly string[],
  runs: number,
  read: Read,
  node: (bytes: Buffer) => Promise<Message | string>,
): Promise<number> {
  const random = seededRandom(SEED);
  let accepted = 0;
  for (let done = 0; done < runs; done += BATCH) {
    const batch: Promise<void>[] = [];
    for (let i = 0; i < BATCH; i++) {
      const bytes = mutate(seeds, random);
      const our = ours(read, bytes, random);
      if (our === undefined) continue;
      accepted += 1;
      batch.push(
        node(bytes.subarray(0, our.end)).then((theirs) => {
          if (JSON.stringify(theirs) !== JSON.stringify(our.message))
            expect.fail(
              `seed ${SEED}: ${JSON.stringify(bytes.subarray(0, our.end).toString('latin1'))}\n` +
                `ours ${JSON.stringify(our.message)}\nnode ${JSON.stringify(theirs)}`,
            );
        }),
      );
    }
    await Promise.all(batch);
  }
  return accepted;
}

describe('HTTP/1.1 framing under mutation', () => {
  it(`requests: Node reads what we accept as we do`, { timeout: 30_000 + RUNS * 2 }, async () => {
    const runs = Math.ceil(RUNS * 0.75);
    const accepted = await agree(REQUESTS, runs, ourRequest, nodeServer());
    expect(accepted).toBeGreaterThan(runs / 20);
  });

  it(`responses: Node reads what we accept as we do`, { timeout: 30_000 + RUNS * 2 }, async () => {
    const runs = Math.ceil(RUNS * 0.25);
    const accepted = await agree(RESPONSES, runs, ourResponse, nodeClient);
    expect(accepted).toBeGreaterThan(runs / 20);
  });
});
