import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { MediaType } from '../../src/core/http/v1-calls.ts';
import { createApi, listen } from '../../src/core/http/server.ts';
import { openStream } from '../../src/core/http/stream-response.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Streams } from '../../src/master/streams.ts';
import { decodeProtobuf, encodeDocument, recordEncoder } from '../../src/mesos/proto/index.ts';
import { ReferenceCodec } from '../../test/support/protobuf-reference.ts';
import { median, medianRatio } from '../support/statistics.ts';
import { acceptCall, offers, subscribed, taskAdded, taskUpdated } from './documents.ts';

/**
 * What protobuf costs beside JSON, in CPU time: `npm run bench:proto`. The two forms are measured in the same rounds, one after the
 * other; protobufjs by reflection, with the same tables, is there for comparison.
 */
const ROUNDS = 9;
const WATCHERS = 100;
const EVENTS = 500;
const PROTOBUF = 'application/x-protobuf';
const FORMS: readonly MediaType[] = ['application/json', PROTOBUF];

if (process.argv[2] === 'watchers') await watch(Number(process.argv[3]), Number(process.argv[4]));
else await run();

async function run(): Promise<void> {
  console.log('| document | bytes | write µs | protobufjs | read µs | protobufjs |');
  console.log('|---|---|---|---|---|---|');
  for (const document of [taskUpdated, taskAdded, offers, acceptCall, subscribed])
    console.log(codecRow(document));
  console.log(
    `\n| ${WATCHERS} watchers of the operator stream | JSON | protobuf | ratio |\n|---|---|---|---|`,
  );
  for (const [name, event] of [
    ['TASK_UPDATED', taskUpdated.json],
    ['TASK_ADDED', taskAdded.json],
  ] as const)
    console.log(await streamRow(name, event));
}

interface Document {
  readonly name: string;
  readonly message: string;
  readonly json: Readonly<Record<string, unknown>>;
  /** So that a round takes about a tenth of a second. */
  readonly times: number;
}

function codecRow({ name, message, json, times }: Document): string {
  const reference = new ReferenceCodec(message);
  const [inJson, inProtobuf] = FORMS.map((form) => Buffer.from(encodeDocument(form, message, json)));
  const jobs = [
    () => encodeDocument('application/json', message, json),
    () => encodeDocument(PROTOBUF, message, json),
    () => reference.encode(json),
    () => JSON.parse(inJson!.toString()) as unknown,
    () => decodeProtobuf(message, inProtobuf!),
    () => reference.decode(inProtobuf!),
  ];
  const figures = jobs.map((): number[] => []);
  for (let round = -3; round < ROUNDS; round++)
    for (const [i, job] of jobs.entries()) {
      const spent = cpuOf(() => {
        for (let n = 0; n < times; n++) job();
      });
      if (round >= 0) figures[i]?.push(spent / times);
    }
  const [wj, wp, wr, rj, rp, rr] = figures.map((all) => median(all).toFixed(2));
  return `| ${name} | ${inJson!.length} → ${inProtobuf!.length} | ${wj} → ${wp} | ${wr} | ${rj} → ${rp} | ${rr} |`;
}

/** Microseconds of CPU time of this process. */
function cpuOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** CPU of the master for one event to all watchers, which are another process. */
async function streamRow(name: string, event: Readonly<Record<string, unknown>>): Promise<string> {
  const figures = new Map<MediaType, number[]>(FORMS.map((form) => [form, []]));
  for (let round = -1; round < ROUNDS; round++)
    for (const form of FORMS) {
      const spent = await broadcast(form, event);
      if (round >= 0) figures.get(form)?.push(spent / EVENTS);
    }
  const [json = [], protobuf = []] = FORMS.map((form) => figures.get(form));
  const ratio = medianRatio(protobuf, json).toFixed(2);
  return `| ${name}, CPU µs an event | ${median(json).toFixed(0)} | ${median(protobuf).toFixed(0)} | ${ratio} |`;
}

async function broadcast(form: MediaType, event: Readonly<Record<string, unknown>>): Promise<number> {
  const streams = new Streams(systemClock);
  const api = createApi();
  const open = Promise.withResolvers<void>();
  const encode = recordEncoder(form, 'master.Event');
  api.get('/', (_request, reply) => {
    const id = String(streams.size);
    streams.add(id, openStream(reply, { headers: { 'content-type': form }, onClose: () => {} }), { encode });
    if (streams.size === WATCHERS) open.resolve();
    return reply;
  });
  const port = await listen(api, '127.0.0.1', 0);
  const bytes = EVENTS * encode(event).length;
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), 'watchers', String(port), String(bytes)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await open.promise;
  const before = process.cpuUsage();
  for (let n = 0; n < EVENTS; n++) {
    streams.broadcast(event as never);
    // as events come: a few in each turn
    if (n % 4 === 3) await new Promise(setImmediate);
  }
  await line(child);
  const { user, system } = process.cpuUsage(before);
  await api.close();
  await once(child, 'exit');
  return user + system;
}

async function line(child: ChildProcess): Promise<void> {
  if (child.stdout) await once(createInterface(child.stdout), 'line');
}

/** The other side: reads everything, looks at nothing. */
async function watch(port: number, bytes: number): Promise<void> {
  const readers = Array.from({ length: WATCHERS }, async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    let left = bytes;
    for await (const piece of socket) {
      left -= (piece as Buffer).length;
      if (left <= 0) return socket.destroy();
    }
  });
  await Promise.all(readers);
  console.log('done');
}
