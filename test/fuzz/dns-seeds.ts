import { questionMessage } from '../../src/dns/testing/message.ts';
import { TYPE, encodeMessage, nameBytes, soaRdata, srvRdata } from '../../src/dns/wire/index.ts';
import type { Edns, Message, ResourceRecord } from '../../src/dns/wire/index.ts';

const EDNS: Edns = { udpPayloadBytes: 1232, version: 0, dnssecOk: false, options: [] };

function message(more: Partial<Message>): Uint8Array {
  return encodeMessage(questionMessage({ id: 0xbeef, ...more })).bytes.slice();
}

function asks(name: string, type: number, more: Partial<Message> = {}): Uint8Array {
  return message({ questions: [{ name, type, class: 1 }], ...more });
}

function record(name: string, type: number, rdata: Uint8Array | undefined): ResourceRecord {
  return { name, type, class: 1, ttl: 60, rdata: rdata ?? new Uint8Array() };
}

/** Messages of every kind that this program reads, made by hand: the ground that mutations start from. */
export function dnsSeeds(): Uint8Array[] {
  return [...questions(), ...withEdns(), ...odd(), ...replies(), ...compressed()];
}

function questions(): Uint8Array[] {
  const types = [...Object.values(TYPE).filter((t) => t !== TYPE.OPT), 257, 65_535];
  return [
    ...types.map((type) => asks('web.marathon.mesos.', type)),
    asks('_web._tcp.marathon.mesos.', TYPE.SRV),
    asks('mesos.', TYPE.SOA),
    asks('.', TYPE.NS),
    asks('WEB.Marathon.mesos.', TYPE.A),
    asks('web.*.marathon.mesos.', TYPE.A),
    asks('_tcp.marathon.mesos.', TYPE.A),
    asks('1.0.0.10.in-addr.arpa.', TYPE.PTR),
    asks(`${'a'.repeat(63)}.mesos.`, TYPE.A),
    asks(`${'abcdefgh.'.repeat(27)}mesos.`, TYPE.A),
    asks('a\\000\\046\\255b.mesos.', TYPE.A),
  ];
}

function withEdns(): Uint8Array[] {
  const ask = (edns: Partial<Edns>): Uint8Array => message({ edns: { ...EDNS, ...edns } });
  return [
    ask({}),
    ask({ udpPayloadBytes: 0 }),
    ask({ udpPayloadBytes: 65_535, dnssecOk: true }),
    ask({ version: 1 }),
    ask({ options: [{ code: 10, data: new Uint8Array(8) }] }),
    ask({ options: [{ code: 8, data: Uint8Array.of(0, 1, 24, 0, 10, 0, 0) }] }),
    ask({
      options: [
        { code: 12, data: new Uint8Array(400) },
        { code: 100, data: new Uint8Array() },
      ],
    }),
  ];
}

function odd(): Uint8Array[] {
  const question = { name: 'web.marathon.mesos.', type: TYPE.A, class: 1 };
  return [
    message({ opcode: 4, authoritative: true }),
    message({ opcode: 5 }),
    message({ questions: [] }),
    message({ questions: [question, question] }),
    message({ questions: [{ ...question, class: 3 }] }),
    message({ questions: [{ ...question, class: 255 }] }),
    message({ additional: [record('key.', 250, new Uint8Array(40))], edns: EDNS }),
    message({ authority: [record('mesos.', TYPE.SOA, new Uint8Array())] }),
  ];
}

function replies(): Uint8Array[] {
  const soa = soaRdata({
    mname: 'ns1.mesos.',
    rname: 'root.ns1.mesos.',
    serial: 1,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum: 5,
  });
  const a = record('web.marathon.mesos.', TYPE.A, Uint8Array.of(10, 0, 0, 1));
  const answers = [
    record('web.marathon.mesos.', TYPE.CNAME, nameBytes('x.web.marathon.mesos.')),
    record('web.marathon.mesos.', TYPE.MX, Uint8Array.of(0, 10, ...(nameBytes('mx.mesos.') ?? []))),
    record('web.marathon.mesos.', TYPE.TXT, Uint8Array.of(3, 97, 98, 99)),
    record(
      '_web._tcp.marathon.mesos.',
      TYPE.SRV,
      srvRdata(0, 1, 31_000, 'web-abcde-s1.marathon.slave.mesos.'),
    ),
    record('web.marathon.mesos.', TYPE.AAAA, new Uint8Array(16)),
  ];
  return [
    message({ response: true, answers: [a] }),
    message({
      response: true,
      answers,
      authority: [record('mesos.', TYPE.SOA, soa)],
      additional: [a],
      edns: EDNS,
    }),
    message({ response: true, rcode: 3, authority: [record('mesos.', TYPE.SOA, soa)] }),
    message({ response: true, truncated: true, rcode: 16, edns: EDNS }),
    message({ response: true, answers: Array.from({ length: 60 }, () => a) }),
  ];
}

/** Names inside of record data that are compressed, as older servers write them. */
function compressed(): Uint8Array[] {
  const head = [0xbe, 0xef, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0, 3, 119, 119, 119, 5, 109, 101, 115, 111, 115, 0];
  const rr = (type: number, rdata: readonly number[]): number[] => [
    0,
    type,
    0,
    1,
    0xc0,
    12,
    0,
    type,
    0,
    1,
    0,
    0,
    0,
    60,
    0,
    rdata.length,
    ...rdata,
  ];
  return [
    Uint8Array.from([...head, ...rr(TYPE.CNAME, [1, 97, 0xc0, 16])]),
    Uint8Array.from([...head, ...rr(TYPE.SRV, [0, 0, 0, 1, 0, 80, 0xc0, 12])]),
    Uint8Array.from([...head, ...rr(TYPE.SOA, [0xc0, 12, 0xc0, 16, ...Array.from({ length: 20 }, () => 1)])]),
  ];
}
