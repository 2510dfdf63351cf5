import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { Transport, TransportHandler } from '../../net/index.ts';
import { agent, framework, task } from '../testing/catalog.ts';
import { EDNS, askTcp, askUdp, queryBytes, startDns } from '../testing/start.ts';
import type { Started } from '../testing/start.ts';
import { EDE, RCODE, TYPE } from '../wire/index.ts';
import { responderFor } from '../testing/responder.ts';
import { zoneFor } from '../testing/zone.ts';
import { TcpConnection } from './tcp-connection.ts';

const running: Started[] = [];
const start = async (...args: Parameters<typeof startDns>): Promise<Started> => {
  const started = await startDns(...args);
  running.push(started);
  return started;
};
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ dns }) => dns.stop()));
});
const web = (n: number) =>
  Array.from({ length: n }, (_, i) =>
    task(`web.${i}`, { ports: [31000 + i], netinfoIps: [`10.1.${i >> 8}.${i & 255}`] }),
  );
const content = (n: number) => ({
  agents: [agent()],
  frameworks: [framework()],
  tasks: web(n),
  leader: { ip: '10.0.0.9', port: 5050 },
});

describe('DNS over UDP and TCP', () => {
  it('says SERVFAIL, never "no such name", until the cluster is known; then answers', async () => {
    const { dns, catalog, reactor, health } = await start();
    const early = await askUdp(
      reactor,
      dns.addresses.udp,
      queryBytes('web.marathon.mesos.', TYPE.A, { edns: EDNS }),
    );
    expect(early.rcode).toBe(RCODE.SERVFAIL);
    expect(early.edns?.options).toEqual([{ code: 15, data: Uint8Array.of(0, EDE.NOT_READY) }]);
    expect(
      (await askUdp(reactor, dns.addresses.udp, queryBytes('web.marathon.mesos.'))).edns,
    ).toBeUndefined();
    expect(health.report().ready).toBe(false);
    catalog.become(content(2));
    expect(health.report().ready).toBe(true);
    const reply = await askUdp(
      reactor,
      dns.addresses.udp,
      queryBytes('Web.Marathon.MESOS.', TYPE.A, { checkingDisabled: true }),
    );
    expect(reply).toMatchObject({
      id: 4711,
      response: true,
      authoritative: true,
      recursionDesired: true,
      recursionAvailable: true,
      authenticData: false,
      checkingDisabled: true,
      rcode: 0,
      questions: [{ name: 'Web.Marathon.MESOS.' }],
    });
    expect(reply.answers.map((a) => [...a.rdata].join('.')).sort()).toEqual(['10.1.0.0', '10.1.0.1']);
  });

  it('answers records of the config before anything is known of the cluster, and nothing that depends on it', async () => {
    const { dns, catalog, reactor, health } = await start({
      records: [
        { name: 'db.mesos', type: 'A', value: '10.7.0.1' },
        { name: 'site.mesos', type: 'CNAME', value: 'web.marathon.mesos' },
      ],
    });
    const ask = (name: string) =>
      askUdp(reactor, dns.addresses.udp, queryBytes(name, TYPE.A, { edns: EDNS }));
    const early = await ask('db.mesos.');
    expect([early.rcode, early.authoritative, early.answers.map((a) => a.rdata.join('.'))]).toEqual([
      RCODE.NOERROR,
      true,
      ['10.7.0.1'],
    ]);
    for (const name of ['web.marathon.mesos.', 'site.mesos.', 'nope.mesos.']) {
      const reply = await ask(name);
      expect([name, reply.rcode, reply.answers]).toEqual([name, RCODE.SERVFAIL, []]);
      expect(reply.edns?.options).toEqual([{ code: 15, data: Uint8Array.of(0, EDE.NOT_READY) }]);
    }
    expect(health.report().ready).toBe(false);
    catalog.become(content(1));
    expect((await ask('site.mesos.')).answers.map((a) => a.name)).toEqual([
      'site.mesos.',
      'web.marathon.mesos.',
    ]);
    expect((await ask('nope.mesos.')).rcode).toBe(RCODE.NXDOMAIN);
    expect((await ask('db.mesos.')).answers).toHaveLength(1);
  });

  it('answers on from the last known state, and tells so to who understands it', async () => {
    const { dns, catalog, reactor, health } = await start();
    catalog.become({ ...content(1), stale: { sinceMs: 0, reason: 'the master does not answer' } });
    const query = queryBytes('web.marathon.mesos.', TYPE.A, { edns: EDNS });
    const reply = await askUdp(reactor, dns.addresses.udp, query);
    expect(reply.answers).toHaveLength(1);
    expect(reply.edns?.options).toEqual([{ code: 15, data: Uint8Array.of(0, EDE.STALE_ANSWER) }]);
    expect(health.report().ready).toBe(true);
    expect(health.report().conditions['dns_zone']?.detail).toContain('the master does not answer');
  });

  it('gives each type what belongs to it', async () => {
    const { dns, catalog, reactor } = await start();
    catalog.become(content(1));
    const ask = (name: string, type: number) => askUdp(reactor, dns.addresses.udp, queryBytes(name, type));
    const sections = (m: Awaited<ReturnType<typeof ask>>) => [
      m.rcode,
      ...[m.answers, m.authority, m.additional].map((s) => s.map((r) => `${r.name}/${r.type}`)),
    ];
    const soa = ['mesos./6'];
    const target = expect.stringMatching(/^web-.{5}-s1\.marathon\.slave\.mesos\.\/1$/);
    expect(sections(await ask('_web._tcp.marathon.mesos.', TYPE.SRV))).toEqual([
      0,
      ['_web._tcp.marathon.mesos./33'],
      [],
      [target],
    ]);
    expect(sections(await ask('_web._tcp.marathon.mesos.', TYPE.A))).toEqual([0, [], soa, []]);
    expect(sections(await ask('web.marathon.mesos.', TYPE.AAAA))).toEqual([0, [], soa, []]);
    expect(sections(await ask('web.marathon.mesos.', TYPE.SOA))).toEqual([0, [], soa, []]);
    expect(sections(await ask('gone.marathon.mesos.', TYPE.SRV))).toEqual([3, [], soa, []]);
    expect(sections(await ask('gone.marathon.mesos.', TYPE.SOA))).toEqual([3, [], soa, []]);
    expect(sections(await ask('_tcp.marathon.mesos.', TYPE.A))).toEqual([0, [], soa, []]);
    expect(sections(await ask('mesos.', TYPE.A))).toEqual([0, [], soa, []]);
    expect(sections(await ask('mesos.', TYPE.DS))).toEqual([0, [], soa, []]);
    expect(sections(await ask('mesos.', TYPE.SOA))).toEqual([0, soa, [], []]);
    expect(sections(await ask('mesos.', TYPE.NS))).toEqual([0, ['mesos./2'], [], ['ns1.mesos./1']]);
    // One set of records over UDP (RFC 8482), all of them over TCP.
    expect(sections(await ask('mesos.', TYPE.ANY))).toEqual([0, soa, [], []]);
    expect(sections(await ask('leader.mesos.', TYPE.ANY))).toEqual([0, ['leader.mesos./1'], [], []]);
    const [all] = await askTcp(reactor, dns.addresses.tcp, [queryBytes('mesos.', TYPE.ANY)]);
    expect(all && sections(all)).toEqual([0, ['mesos./6', 'mesos./2'], [], ['ns1.mesos./1']]);
    // Not wildcards: `.*` is ignored wherever it stands.
    const starred = 'web.*.marathon.mesos.';
    expect(sections(await ask(starred, TYPE.A))).toEqual([0, [`${starred}/1`], [], []]);
    expect(sections(await ask('*.marathon.mesos.', TYPE.A))).toEqual([0, [], soa, []]);
    expect(sections(await ask('*.gone.mesos.', TYPE.A))).toEqual([3, [], soa, []]);
    expect(sections(await ask('example.com.', TYPE.A))).toEqual([RCODE.REFUSED, [], [], []]);
  });

  it('shuffles', async () => {
    const { dns, catalog, reactor } = await start();
    catalog.become(content(5));
    const first = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const reply = await askUdp(reactor, dns.addresses.udp, queryBytes('web.marathon.mesos.'));
      first.add([...(reply.answers[0]?.rdata ?? [])].join('.'));
    }
    expect(first.size).toBe(5);
  });

  it('cuts to the size of the client and never silently', async () => {
    const { dns, catalog, reactor, metrics } = await start();
    for (const n of [1, 10, 29, 30, 100, 2000]) {
      catalog.become(content(n));
      for (const size of [undefined, 100, 512, 1232, 4096]) {
        const edns = size === undefined ? undefined : { ...EDNS, udpPayloadBytes: size };
        const name = 'web.marathon.mesos.';
        const reply = await askUdp(reactor, dns.addresses.udp, queryBytes(name, TYPE.A, { edns }));
        const limit = Math.min(Math.max(size ?? 512, 512), 1232);
        const fits = 12 + name.length + 5 + 16 * n + (edns ? 11 : 0) <= limit;
        expect([n, size, reply.truncated]).toEqual([n, size, !fits]);
        expect(reply.answers.length === n).toBe(fits);
      }
      const [whole] = await askTcp(reactor, dns.addresses.tcp, [queryBytes('web.marathon.mesos.')]);
      expect(whole?.answers).toHaveLength(n);
      expect(whole?.truncated).toBe(false);
    }
    expect(await metrics.text()).toMatch(/rimrock_dns_truncated_total [1-9]/);
    const [large] = await askTcp(reactor, dns.addresses.tcp, [
      queryBytes('_web._tcp.marathon.mesos.', TYPE.SRV),
    ]);
    // More than TCP can carry: as much as fits, without TC, which resolvers take for a failure over TCP.
    expect([large?.rcode, large?.truncated]).toEqual([0, false]);
    expect(large?.answers.length).toBeGreaterThan(800);
  });

  it('answers many queries on one connection, and closes it after its share', async () => {
    const { dns, catalog, reactor } = await start({ tcp: { maxQueriesPerConnection: 100 } });
    catalog.become(content(1));
    const queries = Array.from({ length: 120 }, (_, i) =>
      queryBytes('web.marathon.mesos.', TYPE.A, { id: i }),
    );
    const replies = await askTcp(reactor, dns.addresses.tcp, queries);
    expect(replies.map((r) => r.id)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('makes room for a newcomer by closing whoever was idle longest', async () => {
    const { dns, catalog, reactor } = await start({ tcp: { maxConnections: 2 } });
    catalog.become(content(1));
    const closed: number[] = [];
    let told: () => void = () => {};
    const oneClosed = new Promise<void>((resolve) => (told = resolve));
    const open = (i: number): Promise<Transport> =>
      new Promise((resolve) => {
        const quiet = { onData: () => {}, onEnd: () => t.destroy(), onDrain: () => {} };
        const t: Transport = reactor.connect(
          dns.addresses.tcp,
          { timeoutMs: 1000 },
          {
            ...quiet,
            onConnect: () => resolve(t),
            onClose: () => {
              closed.push(i);
              told();
            },
          },
        );
      });
    const first = await open(1);
    const second = await open(2);
    const [reply] = await askTcp(reactor, dns.addresses.tcp, [queryBytes('web.marathon.mesos.')]);
    expect(reply?.answers).toHaveLength(1);
    await oneClosed;
    expect(closed).toEqual([1]);
    first.destroy();
    second.destroy();
  });

  it('names the address it cannot have', async () => {
    const { dns } = await start();
    const again = startDns({ port: dns.addresses.udp.port });
    await expect(again).rejects.toMatchObject({
      code: 'DNS_ADDRESS_IN_USE',
      message: expect.stringContaining(String(dns.addresses.udp.port)),
    });
    await expect(startDns({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'DNS_BIND_FAILED' });
    const http = startDns({ httpPort: dns.addresses.http?.port ?? 0 });
    await expect(http).rejects.toMatchObject({ code: 'DNS_HTTP_BIND_FAILED' });
  });

  it('turns unready first when it stops, and answers what it has received', async () => {
    const started = await startDns();
    const { dns, catalog, reactor, health } = started;
    catalog.become(content(1));
    const to = dns.addresses.udp;
    const replies = Promise.all([1, 2, 3].map(() => askUdp(reactor, to, queryBytes('web.marathon.mesos.'))));
    await new Promise((resolve) => setImmediate(resolve));
    const stopped = dns.stop();
    expect(health.report().ready).toBe(false);
    expect((await replies).map((r) => r.answers.length)).toEqual([1, 1, 1]);
    await stopped;
  });

  it('follows the configuration: RA, TTL, weight, domain', async () => {
    const { dns, catalog, reactor } = await start({
      recurseOn: false,
      ttlSeconds: 7,
      srvWeight: 9,
      domain: 'DC.Mesos',
      setTruncateBit: false,
    });
    catalog.become(content(100));
    const reply = await askUdp(
      reactor,
      dns.addresses.udp,
      queryBytes('_web._tcp.marathon.dc.mesos.', TYPE.SRV),
    );
    expect([
      reply.recursionAvailable,
      reply.truncated,
      reply.answers[0]?.ttl,
      reply.answers[0]?.rdata[3],
    ]).toEqual([false, false, 7, 9]);
  });
});

describe('TcpConnection', () => {
  const limits = { maxQueriesPerConnection: 128, idleTimeoutMs: 10_000, partialTimeoutMs: 2_000 };
  class FakeTransport implements Transport {
    handler: TransportHandler = { onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} };
    readonly remote = { ip: '127.0.0.1', port: 1 };
    readonly local = { ip: '127.0.0.1', port: 2 };
    closed = false;
    ended = false;
    paused = false;
    takes = true;
    written = 0;
    write(bytes: Uint8Array): boolean {
      this.written += bytes.length;
      return this.takes;
    }
    writeOwned(bytes: Uint8Array): boolean {
      return this.write(bytes);
    }
    pause(): void {
      this.paused = true;
    }
    resume(): void {
      this.paused = false;
    }
    end(): void {
      this.ended = true;
    }
    destroy(): void {
      this.closed = true;
    }
  }
  const connect = () => {
    const clock = new FakeClock();
    const transport = new FakeTransport();
    const late: ((reply: Uint8Array) => void)[] = [];
    const outcome = (): Promise<Uint8Array> => new Promise((resolve) => late.push(resolve));
    const stages = [
      {
        name: 'late',
        decide: ({ query }: { query: { question: { name: string } } }) =>
          query.question.name === 'late.' ? { kind: 'relay' as const, outcome: outcome() } : undefined,
      },
    ];
    const responder = responderFor(zoneFor(), stages);
    const connection = new TcpConnection({ transport, responder, limits, clock, onClosed: () => {} });
    const send = (bytes: Uint8Array): void => connection.onData(bytes);
    const pass = (ms: number): void => {
      clock.advance(ms);
      connection.checkDeadline(clock.monotonic());
    };
    return { connection, transport, send, pass, late };
  };
  const frame = (name: string): Uint8Array => {
    const q = queryBytes(name);
    return Uint8Array.from([q.length >> 8, q.length & 255, ...q]);
  };

  it('is closed after ten idle seconds', () => {
    const { transport, send, pass } = connect();
    pass(9_000);
    send(frame('x.mesos.'));
    expect(transport.written).toBeGreaterThan(0);
    pass(9_000);
    expect(transport.closed).toBe(false);
    pass(1_000);
    expect(transport.closed).toBe(true);
  });

  it('is closed when a message takes over two seconds, however it trickles', () => {
    const { transport, send, pass } = connect();
    const whole = frame('x.mesos.');
    for (let i = 0; i < 4; i++) {
      send(whole.subarray(i, i + 1));
      pass(500);
    }
    expect(transport.closed).toBe(true);
  });

  it('is not closed while an answer is to come, and ends after it when the client has ended', async () => {
    const { connection, transport, send, pass, late } = connect();
    send(frame('late.'));
    pass(20_000);
    expect(transport.closed).toBe(false);
    connection.onEnd();
    expect(transport.ended).toBe(false);
    late[0]?.(queryBytes('late.'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(transport.written).toBeGreaterThan(0);
    expect(transport.ended).toBe(true);
  });

  it('stops reading from a client that does not read', () => {
    const { connection, transport, send } = connect();
    transport.takes = false;
    send(frame('x.mesos.'));
    expect(transport.paused).toBe(true);
    connection.onDrain();
    expect(transport.paused).toBe(false);
  });
});
