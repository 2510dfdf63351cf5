import { parentPort, workerData } from 'node:worker_threads';
import type { Datagram } from '../../net/index.ts';
import { Answerer, OVER_TCP } from '../answer/answerer.ts';
import { AnswerCounters } from '../answer/counters.ts';
import { TableReader } from '../table/index.ts';
import { RCODE, TCP_LIMIT, TYPE, nameBytes } from '../wire/index.ts';
import type { Message } from '../wire/index.ts';
import { decoded, queryBytes } from './message.ts';
import {
  PASSING,
  SERVICES,
  STEADY,
  ZONE,
  aliasName,
  faultOf,
  passingName,
  serviceName,
  steadyName,
  targetName,
} from './table-race.ts';
import type { RaceResult, RaceSetup } from './table-race.ts';

/** Asks for everything, again and again, as a worker that answers does, and holds each reply against what it may be. */
const { memory, counters, reader, gate } = workerData as RaceSetup;
const BATCH = 16;

const table = new TableReader(memory, reader);
const answerer = new Answerer({
  table,
  settings: {
    zones: [{ apex: nameBytes(ZONE) ?? new Uint8Array(1), fixed: true }],
    aliases: [],
    udpPayloadBytes: 1232,
    setTruncateBit: true,
    recurseOn: true,
    forwards: false,
    nsid: new Uint8Array(0),
    tcpIdleTenths: 100,
  },
  counters: new AnswerCounters(counters, reader),
  seed: reader,
});

interface Ask {
  readonly datagram: Datagram;
  readonly check: (reply: Message) => string | undefined;
}

let found = 0;
let gone = 0;
let serial = 0;
const problems: string[] = [];

function ask(name: string, type: number, check: Ask['check']): Ask {
  const request = queryBytes(name, type);
  const datagram: Datagram = {
    request,
    start: 0,
    end: request.length,
    reply: new Uint8Array(TCP_LIMIT),
    replyAt: 0,
    replyRoom: TCP_LIMIT,
    address: new Uint8Array(4),
    addressAt: 0,
    addressBytes: 4,
    port: 53,
  };
  return { datagram, check };
}

/** Generations rise by one, and a byte of each is in the records: small numbers are enough for their sizes. */
const generation = (low: number): number => low;

function records(i: number, type: number, { answers }: Message): string | undefined {
  const data = answers.filter((r) => r.type === type).map((r) => r.rdata);
  if (data.length === 0) return 'is not there';
  found++;
  return faultOf(i, type, data, generation);
}

function service(i: number, reply: Message): string | undefined {
  for (const { name, rdata } of reply.additional) {
    const g = rdata[1] as number;
    if (targetName(i, g) !== name) return `${name} has an address of ${g}`;
    if (faultOf(i, TYPE.A, [rdata], generation)?.startsWith('of')) return `${name} has ${rdata.join('.')}`;
  }
  return records(i, TYPE.SRV, reply);
}

function passing(i: number, reply: Message): string | undefined {
  if (reply.answers.length > 0) {
    const fault = records(i, TYPE.A, reply);
    // These come and go one by one.
    return fault?.startsWith('no generation') ? undefined : fault;
  }
  gone++;
  return reply.authority[0]?.type === TYPE.SOA ? undefined : `denied without SOA, ${reply.rcode}`;
}

function zone({ answers }: Message): string | undefined {
  const data = answers[0]?.rdata;
  if (!data) return 'no SOA';
  const now = new DataView(data.buffer, data.byteOffset + data.length - 20).getUint32(0);
  const fault = now < serial ? `serial ${now} after ${serial}` : undefined;
  serial = now;
  return fault;
}

const asks: Ask[] = [
  ...range(STEADY).map((i) => ask(steadyName(i), TYPE.A, (m) => records(i, TYPE.A, m))),
  ...range(STEADY).map((i) => ask(aliasName(i), TYPE.A, (m) => records(i, TYPE.A, m))),
  ...range(SERVICES).map((i) => ask(serviceName(i), TYPE.SRV, (m) => service(i, m))),
  ...range(PASSING / 16).map((i) => ask(passingName(i * 16), TYPE.A, (m) => passing(i * 16, m))),
];
const soa = ask(ZONE, TYPE.SOA, zone);

function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

function batch(of: readonly Ask[]): void {
  table.begin();
  of.forEach(({ datagram }, i) => answerer.look(i, datagram));
  answerer.fetch(of.length);
  const lengths = of.map(({ datagram }, i) => answerer.answerLooked(i, datagram, OVER_TCP));
  table.end();
  of.forEach(({ datagram, check }, i) => {
    const message = decoded(datagram.reply.subarray(0, lengths[i]));
    const rcodeFault = message.rcode > RCODE.NXDOMAIN ? `rcode ${message.rcode}` : undefined;
    const fault = rcodeFault ?? check(message);
    if (fault !== undefined && problems.length < 10)
      problems.push(`${message.questions[0]?.name ?? ''} ${fault}`);
  });
}

parentPort?.postMessage('ready');
let asked = 0;
for (let at = reader * 37; Atomics.load(gate, 0) === 0; at += BATCH - 1) {
  const of = range(BATCH - 1).map((i) => asks[(at + i) % asks.length] as Ask);
  try {
    batch([...of, soa]);
  } catch (error) {
    problems.push(error instanceof Error ? (error.stack ?? error.message) : 'thrown');
    break;
  }
  asked += BATCH;
}
table.end();
parentPort?.postMessage({ asked, found, gone, problems } satisfies RaceResult);
