import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { codeOf, createPortableReactor } from '../../net/index.ts';
import type {
  DatagramSocket,
  Listener,
  Peer,
  Reactor,
  Transport,
  TransportHandler,
} from '../../net/index.ts';
import type { DnsConfigInput } from '../config.ts';
import { agent, framework, task } from '../testing/catalog.ts';
import { EDNS, askTcp, askUdp, decoded, queryBytes, startDns } from '../testing/start.ts';
import type { Started } from '../testing/start.ts';
import {
  EDE,
  MessageFramer,
  RCODE,
  TYPE,
  encodeMessage,
  framed,
  nameBytes,
  textOfName,
} from '../wire/index.ts';
import type { Message, ResourceRecord } from '../wire/index.ts';

const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const f of cleanup.splice(0).reverse()) await f();
});

const a = (name: string, last: number): ResourceRecord => ({
  name,
  type: TYPE.A,
  class: 1,
  ttl: 300,
  rdata: Uint8Array.of(192, 0, 2, last),
});
const cname = (name: string, target: string): ResourceRecord => ({
  name,
  type: TYPE.CNAME,
  class: 1,
  ttl: 300,
  rdata: nameBytes(target) ?? new Uint8Array(1),
});

type Said = Partial<Message>;

/** UDP and TCP on one port: the system picks one for UDP that somebody may have for TCP, and then another has to do. */
async function onOnePort(
  reactor: Reactor,
  overUdp: (bytes: Uint8Array, from: Peer) => void,
  overTcp: (transport: Transport) => TransportHandler,
): Promise<{ udp: DatagramSocket; listener: Listener }> {
  const host = '127.0.0.1';
  for (let tries = 1; ; tries++) {
    const udp = await reactor.udp({ host, port: 0 }, overUdp);
    try {
      return { udp, listener: await reactor.listen({ host, port: udp.address.port }, overTcp) };
    } catch (error) {
      await udp.close();
      if (codeOf(error) !== 'EADDRINUSE' || tries === 20) throw error;
    }
  }
}

/** A real resolver on loopback, over UDP and TCP, that says what it is told, and remembers what it was asked. */
async function resolver(say: (name: string, transport: 'udp' | 'tcp') => Said | undefined) {
  const reactor = createPortableReactor({ clock: systemClock, log: silentLogger });
  const asked: string[] = [];
  const answer = (bytes: Uint8Array, transport: 'udp' | 'tcp'): Uint8Array | undefined => {
    const question = decoded(bytes);
    const name = question.questions[0]?.name.toLowerCase() ?? '';
    asked.push(`${name} ${transport}`);
    const said = say(name, transport);
    if (!said) return undefined;
    return encodeMessage({ ...question, response: true, recursionAvailable: true, ...said }).bytes.slice();
  };
  const overTcp = (transport: Transport): TransportHandler => {
    const framer = new MessageFramer();
    return {
      onData: (bytes) => {
        for (const m of framer.push(bytes)) {
          const reply = answer(m, 'tcp');
          if (reply) transport.write(framed(reply));
          else transport.destroy();
        }
      },
      onEnd: () => transport.end(),
      onDrain: () => {},
      onClose: () => {},
    };
  };
  const overUdp = (bytes: Uint8Array, from: Peer): void => {
    const reply = answer(bytes, 'udp');
    if (reply) udp.send(reply, from);
  };
  const { udp, listener } = await onOnePort(reactor, overUdp, overTcp);
  cleanup.push(
    () => udp.close(),
    () => listener.close(),
  );
  return { address: `127.0.0.1:${udp.address.port}`, asked };
}

async function start(say: Parameters<typeof resolver>[0], config: DnsConfigInput = {}) {
  const outside = await resolver(say);
  const started: Started = await startDns({
    externalOn: true,
    resolvers: [outside.address],
    records: [
      { name: 'site.mesos', type: 'CNAME', value: 'www.example.com' },
      { name: 'two.mesos', type: 'CNAME', value: 'site.mesos' },
      { name: 'here.mesos', type: 'CNAME', value: 'web.marathon.mesos' },
    ],
    ...config,
  });
  cleanup.push(() => started.dns.stop());
  started.catalog.become({ agents: [agent()], frameworks: [framework()], tasks: [task('web.1')] });
  const to = started.dns.addresses.udp;
  return {
    asked: outside.asked,
    metrics: started.metrics,
    udp: (name: string, more: Said = { edns: EDNS }) =>
      askUdp(started.reactor, to, queryBytes(name, TYPE.A, more)),
    tcp: async (name: string) =>
      (await askTcp(started.reactor, to, [queryBytes(name, TYPE.A, { edns: EDNS })]))[0] as Message,
  };
}

/** `owner target-or-address`, in order. */
const lines = ({ answers }: Message): string[] =>
  answers.map((r) => `${r.name} ${r.type === TYPE.CNAME ? textOfName(r.rdata) : r.rdata.join('.')}`);
const errors = ({ edns }: Message): number[] =>
  (edns?.options ?? []).filter((o) => o.code === 15).map((o) => (o.data[1] as number) | 0);

describe('an alias of ours that leads outside', () => {
  it('comes with what is there, over UDP and TCP', async () => {
    const { udp, tcp, asked } = await start(() => ({
      answers: [cname('www.example.com.', 'cdn.example.net.'), a('cdn.example.net.', 1)],
    }));
    const chain = [
      'two.mesos. site.mesos.',
      'site.mesos. www.example.com.',
      'www.example.com. cdn.example.net.',
      'cdn.example.net. 192.0.2.1',
    ];
    for (const reply of [await udp('Two.mesos.'), await tcp('two.mesos.')]) {
      expect(lines(reply).map((l) => l.toLowerCase())).toEqual(chain);
      expect([reply.rcode, reply.recursionAvailable, reply.truncated, errors(reply)]).toEqual([
        0,
        true,
        false,
        [],
      ]);
    }
    // What was asked is kept like any other answer, and of our names nobody is asked.
    expect(asked).toEqual(['www.example.com. udp']);
    expect(lines(await udp('here.mesos.')).at(-1)).toBe('web.marathon.mesos. 10.0.0.1');
    expect(asked).toHaveLength(1);
  });

  it('says that there is no such name when the end of the chain says so', async () => {
    const { udp } = await start(() => ({ rcode: RCODE.NXDOMAIN }));
    const reply = await udp('site.mesos.');
    expect([reply.rcode, lines(reply)]).toEqual([RCODE.NXDOMAIN, ['site.mesos. www.example.com.']]);
  });

  it('is answered alone when nobody can tell the rest, and says so', async () => {
    const { udp } = await start(() => ({ rcode: RCODE.SERVFAIL }));
    const reply = await udp('site.mesos.');
    expect([reply.rcode, lines(reply), errors(reply)]).toEqual([
      RCODE.NOERROR,
      ['site.mesos. www.example.com.'],
      [EDE.NO_REACHABLE_AUTHORITY],
    ]);
  });

  it.each<readonly [string, DnsConfigInput, Said, readonly number[]]>([
    [
      'the client may not ask for names outside',
      { acl: { recursion: 'none' } },
      { edns: EDNS },
      [EDE.PROHIBITED],
    ],
    ['nobody may', { externalOn: false }, { edns: EDNS }, []],
    ['the client does not want that', {}, { edns: EDNS, recursionDesired: false }, []],
  ])('is answered alone when %s', async (_why, config, more, ede) => {
    const { udp, asked } = await start(() => ({ answers: [a('www.example.com.', 1)] }), config);
    const reply = await udp('site.mesos.', more);
    expect([reply.rcode, lines(reply), errors(reply)]).toEqual([
      RCODE.NOERROR,
      ['site.mesos. www.example.com.'],
      ede,
    ]);
    expect(asked).toEqual([]);
  });

  it('is whole over TCP, and says TC over UDP when it does not fit', async () => {
    const many = Array.from({ length: 200 }, (_, i) => a('www.example.com.', i));
    const { udp, tcp, asked } = await start((_name, transport) =>
      transport === 'tcp' ? { answers: many } : { truncated: true },
    );
    const small = await udp('site.mesos.');
    expect([small.truncated, small.answers.length]).toEqual([true, 72]);
    expect((await udp('site.mesos.', {})).truncated).toBe(true);
    const whole = await tcp('site.mesos.');
    expect([whole.truncated, whole.answers.length]).toEqual([false, 201]);
    expect(asked).toEqual(['www.example.com. udp', 'www.example.com. tcp']);
  });

  it('says TC when no more than a part can be had', async () => {
    const { udp } = await start((_name, transport) =>
      transport === 'tcp' ? undefined : { truncated: true, answers: [a('www.example.com.', 1)] },
    );
    const reply = await udp('site.mesos.');
    expect([reply.rcode, reply.truncated, lines(reply)]).toEqual([
      RCODE.NOERROR,
      true,
      ['site.mesos. www.example.com.', 'www.example.com. 192.0.2.1'],
    ]);
  });

  it('ends where the outside leads back to it', async () => {
    const { udp, asked } = await start(() => ({ answers: [cname('www.example.com.', 'site.mesos.')] }));
    const reply = await udp('two.mesos.');
    expect([reply.rcode, lines(reply)]).toEqual([
      RCODE.NOERROR,
      ['two.mesos. site.mesos.', 'site.mesos. www.example.com.'],
    ]);
    expect(asked).toEqual(['www.example.com. udp']);
  });
});

describe('replies about names outside', () => {
  const cookie = { code: 10, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) };
  const nsid = { code: 3, data: new Uint8Array(0) };

  it.each(['www.example.com.', 'site.mesos.', 'localhost.'])(
    'carry our cookie and our name, where the client asks: %s',
    async (name) => {
      const { udp, metrics } = await start(() => ({ answers: [a('www.example.com.', 1)] }), { nsid: 'ns-7' });
      const asking = (options: readonly { code: number; data: Uint8Array }[]): Said => ({
        edns: { ...EDNS, options },
      });
      const reply = await udp(name, asking([cookie, nsid]));
      const given = reply.edns?.options.find((o) => o.code === 10)?.data ?? new Uint8Array(0);
      expect([given.length, [...given.subarray(0, 8)]]).toEqual([24, [...cookie.data]]);
      expect(Buffer.from(reply.edns?.options.find((o) => o.code === 3)?.data ?? []).toString()).toBe('ns-7');
      expect(reply.answers.length).toBeGreaterThan(0);
      // The cookie is good.
      await udp('web.marathon.mesos.', asking([{ code: 10, data: given }]));
      expect(await metrics.text()).toContain('rimrock_dns_cookies_total{verdict="valid"} 1');
      expect((await udp(name)).edns?.options).toEqual([]);
      expect((await udp(name, {})).edns).toBeUndefined();
    },
  );

  it('go without, rather than be larger than the client takes', async () => {
    const many = Array.from({ length: 75 }, (_, i) => a('www.example.com.', i));
    const { udp } = await start(
      (_n, transport) => (transport === 'tcp' ? { answers: many } : { truncated: true }),
      {
        nsid: 'x'.repeat(64),
      },
    );
    const reply = await udp('www.example.com.', { edns: { ...EDNS, options: [nsid, cookie] } });
    expect([reply.answers.length, reply.truncated]).toEqual([74, true]);
    expect(reply.edns?.options).toEqual([]);
  });
});
