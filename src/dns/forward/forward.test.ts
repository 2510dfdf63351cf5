import { afterEach, describe, expect, it } from 'vitest';
import type { AccessRequest, PreviewingAuthorizer, Verdict } from '../../core/access.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { CompiledPolicy } from '../../core/policy/compiled-policy.ts';
import { createPortableReactor } from '../../net/index.ts';
import type { DatagramSocket, Peer, Reactor, Transport } from '../../net/index.ts';
import { EDNS, askTcp, askUdp, decoded, queryBytes, startDns } from '../testing/start.ts';
import type { Started } from '../testing/start.ts';
import { MessageFramer, RCODE, TYPE, encodeMessage, framed } from '../wire/index.ts';
import type { Message } from '../wire/index.ts';
import { resolverOn } from './testing/resolver.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
const start = async (
  config: Parameters<typeof startDns>[0],
  policy?: PreviewingAuthorizer,
): Promise<Started> => {
  const wanted = { externalOn: true, forwardTimeoutMs: 300, drainMs: 0, ...config };
  const started = await startDns(wanted, undefined, undefined, policy);
  closing.push(() => started.dns.stop());
  started.catalog.become({});
  return started;
};

const portable = (): Reactor => createPortableReactor({ clock: systemClock, log: silentLogger });

type Answer = (query: Uint8Array, from: Peer, send: (bytes: Uint8Array) => void) => void;

/** A resolver on UDP that does as told. */
async function upstream(
  answer: Answer,
): Promise<{ readonly text: string; readonly peer: Peer; readonly seen: { id: number; port: number }[] }> {
  const reactor = portable();
  const seen: { id: number; port: number }[] = [];
  const socket: DatagramSocket = await reactor.udp({ host: '127.0.0.1', port: 0 }, (bytes, from) => {
    seen.push({ id: decoded(bytes).id, port: from.port });
    answer(bytes.slice(), from, (reply) => socket.send(reply, from));
  });
  closing.push(() => socket.close());
  return { text: `127.0.0.1:${socket.address.port}`, peer: socket.address, seen };
}

const reply = (query: Uint8Array, more: Partial<Message> = {}): Uint8Array => {
  const q = decoded(query);
  const name = q.questions[0]?.name ?? '.';
  const answers = [{ name, type: TYPE.A, class: 1, ttl: 5, rdata: Uint8Array.of(192, 0, 2, 1) }];
  return encodeMessage({ ...q, response: true, recursionAvailable: true, answers, ...more }).bytes.slice();
};

/** A policy that denies one sort of clients names outside; another may take its place. */
class SwappedPolicy implements PreviewingAuthorizer {
  readonly denied: AccessRequest[] = [];
  #compiled = new CompiledPolicy({ version: 1, default: 'allow', rules: [] });

  deny(who: string): void {
    const rules = [{ name: 'no', effect: 'deny', who: [who], may: ['dns:recursion'] }] as const;
    this.#compiled = new CompiledPolicy({ version: 2, default: 'allow', rules });
  }

  decide(request: AccessRequest): Verdict {
    const verdict = this.#compiled.decide(request);
    if (!verdict.allowed) this.denied.push(request);
    return verdict;
  }

  preview(request: AccessRequest): Verdict {
    return this.#compiled.decide(request);
  }
}

const honest: Answer = (query, _from, send) => send(reply(query));
const silent: Answer = () => {};

describe('forwarding', () => {
  it('passes the answer on under the id and in the letters of the client', async () => {
    const up = await upstream((query, _from, send) =>
      send(reply(query, { authenticData: true, rcode: RCODE.NXDOMAIN })),
    );
    const { dns, reactor } = await start({ resolvers: [up.text] });
    const question = queryBytes('Example.COM.', TYPE.A, { edns: EDNS, authenticData: true });
    const got = await askUdp(reactor, dns.addresses.udp, question);
    expect(got).toMatchObject({ id: 4711, authenticData: true, authoritative: false, rcode: RCODE.NXDOMAIN });
    expect(got.questions[0]?.name).toBe('Example.COM.');
    expect(got.answers.map((r) => r.name)).toEqual(['Example.COM.']);
    // Whoever does not say that they know AD does not get to see it.
    const plain = await askUdp(reactor, dns.addresses.udp, queryBytes('example.com.'));
    expect([plain.authenticData, plain.edns, plain.questions[0]?.name]).toEqual([
      false,
      undefined,
      'example.com.',
    ]);
  });

  it('never lets names of the cluster out, and refuses the rest when it may not forward', async () => {
    const up = await upstream(honest);
    const open = await start({ resolvers: [up.text] });
    expect((await askUdp(open.reactor, open.dns.addresses.udp, queryBytes('nope.mesos.'))).rcode).toBe(
      RCODE.NXDOMAIN,
    );
    const shut = await start({ resolvers: [up.text], externalOn: false });
    const got = await askUdp(shut.reactor, shut.dns.addresses.udp, queryBytes('example.com.'));
    expect(got).toMatchObject({
      rcode: RCODE.REFUSED,
      recursionDesired: true,
      recursionAvailable: false,
      authoritative: false,
    });
    expect(up.seen).toEqual([]);
  });

  it('refuses clients that may not ask for names outside, not those of the cluster', async () => {
    const up = await upstream(honest);
    const { dns, reactor } = await start({ resolvers: [up.text], acl: { recursion: ['192.0.2.0/24'] } });
    const question = queryBytes('example.com.', TYPE.A, { edns: EDNS });
    const got = await askUdp(reactor, dns.addresses.udp, question);
    expect([got.rcode, got.edns?.options[0]?.data[1]]).toEqual([RCODE.REFUSED, 18]);
    const [tcp] = await askTcp(reactor, dns.addresses.tcp, [question]);
    expect(tcp?.rcode).toBe(RCODE.REFUSED);
    const ours = await askUdp(reactor, dns.addresses.udp, queryBytes('nope.mesos.'));
    expect(ours.rcode).toBe(RCODE.NXDOMAIN);
    expect(up.seen).toEqual([]);
  });

  it('gives one network of clients no more replies than `rateLimit` says', async () => {
    const up = await upstream(honest);
    const rateLimit = { repliesPerSecond: 1, burstSeconds: 1, slipEvery: 1, exempt: [] };
    const { dns, reactor } = await start({ resolvers: [up.text], rateLimit });
    // Fifty within fifty seconds.
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => askUdp(reactor, dns.addresses.udp, queryBytes('example.com.'))),
    );
    const kinds = new Set(replies.map((m) => `${m.truncated} ${m.answers.length}`));
    expect([...kinds].sort()).toEqual(['false 1', 'true 0']);
  });

  it('asks the policy too, and follows it while it changes', async () => {
    const up = await upstream(honest);
    const policy = new SwappedPolicy();
    const config = { resolvers: [up.text], acl: { recursion: ['127.0.0.0/8'] } };
    const { dns, reactor } = await start(config, policy);
    const ask = async (name: string): Promise<readonly unknown[]> => {
      const got = await askUdp(
        reactor,
        dns.addresses.udp,
        queryBytes(`${name}.example.com.`, TYPE.A, { edns: EDNS }),
      );
      return [got.rcode, got.edns?.options.find(({ code }) => code === 15)?.data[1]];
    };
    const explained = async (): Promise<unknown> => {
      const url = `http://127.0.0.1:${dns.addresses.http?.port}/explain?name=x.example.com&type=A&client=127.0.0.1`;
      const { outside } = (await (await fetch(url)).json()) as { outside: { allowed: boolean } };
      return outside.allowed;
    };
    expect(await ask('a')).toEqual([RCODE.NOERROR, undefined]);
    policy.deny('net:127.0.0.0/8');
    // What is kept is not for them either.
    expect(await ask('a')).toEqual([RCODE.REFUSED, 18]);
    expect(await ask('b')).toEqual([RCODE.REFUSED, 18]);
    const denied = policy.denied.length;
    expect([denied, await explained(), policy.denied.length]).toEqual([2, false, 2]);
    expect(policy.denied[0]).toEqual({
      subject: { kind: 'anonymous', name: '', groups: [], address: '127.0.0.1' },
      action: 'dns:recursion',
      object: '',
    });
    policy.deny('net:10.0.0.0/8');
    expect([await ask('c'), await explained()]).toEqual([[RCODE.NOERROR, undefined], true]);
    expect(up.seen).toHaveLength(2);
  });

  const stranger = async (): Promise<DatagramSocket> => {
    const socket = await portable().udp({ host: '127.0.0.1', port: 0 }, () => {});
    closing.push(() => socket.close());
    return socket;
  };
  it.each<
    [string, (query: Uint8Array, from: Peer, send: (b: Uint8Array) => void, other: DatagramSocket) => void]
  >([
    ['a wrong id', (q, _f, send) => send(reply(q, { id: (decoded(q).id + 1) & 0xffff }))],
    ['another port', (q, from, _s, other) => other.send(reply(q), from)],
    [
      'another name',
      (q, _f, send) => send(reply(q, { questions: [{ name: 'evil.com.', type: TYPE.A, class: 1 }] })),
    ],
    [
      'another case',
      (q, _f, send) => send(reply(q, { questions: [{ name: 'EXAMPLE.com.', type: TYPE.A, class: 1 }] })),
    ],
    [
      'another type',
      (q, _f, send) => send(reply(q, { questions: [{ name: 'example.com.', type: TYPE.MX, class: 1 }] })),
    ],
    ['no question', (q, _f, send) => send(reply(q, { questions: [] }))],
    ['no reply bit', (q, _f, send) => send(reply(q, { response: false }))],
    ['a scrap', (q, _f, send) => send(q.slice(0, 5))],
  ])('waits on when something arrives with %s', async (_what, forge) => {
    const other = await stranger();
    const up = await upstream((query, from, send) => {
      forge(query, from, send, other);
      send(reply(query));
    });
    const { ask, counters } = resolverOn(portable(), systemClock, { resolvers: [up.peer] });
    const got = await ask('example.com.');
    expect([got.rcode, got.questions[0]?.name, got.answers.length]).toEqual([0, 'example.com.', 1]);
    expect(counters.forwardRejected).toBe(1);
  });

  it('asks once when the same question is under way, and answers each with its own id', async () => {
    const held: (() => void)[] = [];
    const up = await upstream((query, _from, send) => held.push(() => send(reply(query))));
    const { dns, reactor } = await start({ resolvers: [up.text], forwardTimeoutMs: 5_000 });
    const ids: number[] = [];
    let changed: () => void = () => {};
    const socket = await reactor.udp({ host: '127.0.0.1', port: 0 }, (bytes) => {
      ids.push(decoded(bytes).id);
      changed();
    });
    closing.push(() => socket.close());
    const replies = async (n: number): Promise<void> => {
      while (ids.length < n) await new Promise<void>((resolve) => (changed = resolve));
    };
    for (const id of [1, 2, 3]) socket.send(queryBytes('example.com.', TYPE.A, { id }), dns.addresses.udp);
    // Datagrams of one socket arrive in order: once this is answered, the server has seen the three.
    socket.send(queryBytes('nope.mesos.', TYPE.A, { id: 4 }), dns.addresses.udp);
    await replies(1);
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    held[0]?.();
    await replies(4);
    expect(ids).toEqual([4, 1, 2, 3]);
    expect(up.seen).toHaveLength(1);
  });

  it('cuts a reply that is too large for the client, with TC', async () => {
    const up = await upstream((query, _from, send) => {
      const name = 'example.com.';
      const answers = Array.from({ length: 60 }, (_, i) => ({
        name,
        type: TYPE.A,
        class: 1,
        ttl: 1,
        rdata: Uint8Array.of(10, 0, 0, i),
      }));
      send(reply(query, { answers }));
    });
    const { dns, reactor } = await start({ resolvers: [up.text] });
    const small = await askUdp(reactor, dns.addresses.udp, queryBytes('example.com.'));
    expect([small.truncated, small.answers.length, small.questions.length]).toEqual([true, 30, 1]);
    const large = await askUdp(
      reactor,
      dns.addresses.udp,
      queryBytes('example.com.', TYPE.A, { edns: { ...EDNS, udpPayloadBytes: 4096 } }),
    );
    expect([large.truncated, large.answers.length, large.edns?.udpPayloadBytes]).toEqual([false, 60, 1232]);
    // A client that must not see TC gets a part, never an empty answer: that would say there is nothing.
    const mute = await start({ resolvers: [up.text], setTruncateBit: false });
    const part = await askUdp(mute.reactor, mute.dns.addresses.udp, queryBytes('example.com.'));
    expect([part.truncated, part.answers.length]).toEqual([false, 30]);
  });

  it('ends what is under way when it stops', async () => {
    const up = await upstream(silent);
    const started = await startDns({
      externalOn: true,
      forwardTimeoutMs: 60_000,
      drainMs: 0,
      resolvers: [up.text],
    });
    const got = askUdp(started.reactor, started.dns.addresses.udp, queryBytes('example.com.'));
    while (up.seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await started.dns.stop();
    expect((await got).rcode).toBe(RCODE.SERVFAIL);
  });

  it('goes over TCP for a client on TCP', async () => {
    const { reactor: r } = await start({});
    const transports: Transport[] = [];
    const listener = await r.listen({ host: '127.0.0.1', port: 0 }, (transport) => {
      const framer = new MessageFramer();
      transports.push(transport);
      return {
        onData: (bytes) => framer.push(bytes).forEach((q) => transport.write(framed(reply(q)))),
        onEnd: () => transport.end(),
        onDrain: () => {},
        onClose: () => {},
      };
    });
    closing.push(() => listener.close());
    const { dns, reactor } = await start({ resolvers: [`127.0.0.1:${listener.address.port}`] });
    const replies = await askTcp(reactor, dns.addresses.tcp, [queryBytes('example.com.', TYPE.A, { id: 9 })]);
    expect(replies.map((m) => [m.id, m.rcode, m.answers.length])).toEqual([[9, 0, 1]]);
    await askTcp(reactor, dns.addresses.tcp, [queryBytes('more.example.com.')]);
    expect(transports).toHaveLength(1);
    transports[0]?.destroy();
    await listener.close();
    const refused = await askTcp(reactor, dns.addresses.tcp, [queryBytes('other.example.com.')]);
    expect(refused.map((m) => m.rcode)).toEqual([RCODE.SERVFAIL]);
  });
});
