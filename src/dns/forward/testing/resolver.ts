import type { PreviewingAuthorizer } from '../../../core/access.ts';
import type { Clock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import type { Logger } from '../../../core/log.ts';
import { systemRandom } from '../../../core/random.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { Reactor } from '../../../net/index.ts';
import { DnsCounters } from '../../metrics.ts';
import { decoded, queryBytes } from '../../testing/message.ts';
import { TYPE, admit, encodeMessage } from '../../wire/index.ts';
import type { Message, Query, ResourceRecord } from '../../wire/index.ts';
import { cacheSchema, upstreamsSchema } from '../config.ts';
import type { AclList } from '../../acl/acl.ts';
import { createAcl } from '../../acl/acl.ts';
import { recursionPermission } from '../../acl/permission.ts';
import { Resolver } from '../resolver.ts';
import type { ResolverSettings } from '../resolver.ts';
import { FakeNet } from './fake-net.ts';

export interface Bench {
  readonly resolver: Resolver;
  readonly net: FakeNet;
  readonly clock: FakeClock;
  readonly counters: DnsCounters;
  ask(name: string, more?: Ask): Promise<Message>;
}

export interface Ask extends Partial<Message> {
  readonly type?: number;
  readonly transport?: 'udp' | 'tcp';
  readonly ip?: string;
}

interface BenchOptions extends Partial<Omit<ResolverSettings, 'cache' | 'upstreams'>> {
  readonly cache?: Parameters<typeof cacheSchema.parse>[0];
  readonly upstreams?: Parameters<typeof upstreamsSchema.parse>[0];
  readonly log?: Logger;
  readonly recursion?: AclList;
  readonly policy?: PreviewingAuthorizer;
}

/** A resolver on a fake network with a clock that stands still, asking 10.0.0.1 unless told otherwise. */
export function bench(options: BenchOptions = {}): Bench {
  const net = new FakeNet();
  const clock = new FakeClock();
  return { net, clock, ...resolverOn(net, clock, options) };
}

/** The same on any network and clock. */
export function resolverOn(
  reactor: Reactor,
  clock: Clock,
  { cache = {}, upstreams = {}, log = silentLogger, recursion: list = 'any', policy, ...more }: BenchOptions,
): Pick<Bench, 'resolver' | 'counters' | 'ask'> {
  const counters = new DnsCounters();
  const settings: ResolverSettings = {
    resolvers: [{ ip: '10.0.0.1', port: 53 }],
    zoneResolvers: new Map(),
    timeoutMs: 5_000,
    maxForwards: 100,
    udpPayloadBytes: 1232,
    setTruncateBit: true,
    localZones: true,
    cache: cacheSchema.parse(cache),
    upstreams: upstreamsSchema.parse(upstreams),
    ...more,
  };
  const recursion = recursionPermission(createAcl(list), policy);
  const random = systemRandom;
  const resolver = new Resolver({ settings, recursion, reactor, clock, random, log, counters });
  const ask = async (name: string, ask: Ask = {}): Promise<Message> => {
    const { type = TYPE.A, transport = 'udp', ip = '192.0.2.1', ...message } = ask;
    const bytes = queryBytes(name, type, message);
    return decoded(await resolver.resolve(admitted(bytes), bytes, transport, { ip }));
  };
  return { resolver, counters, ask };
}

function admitted(bytes: Uint8Array): Query {
  const admission = admit(bytes);
  if (admission.kind !== 'query') throw new Error('not a plain question');
  return admission.query;
}

/** The reply to a question, with these records. */
export function replyTo(question: Uint8Array, more: Partial<Message> = {}): Uint8Array {
  const message = decoded(question);
  return encodeMessage({ ...message, response: true, recursionAvailable: true, ...more }).bytes.slice();
}

export function record(
  name: string,
  type: number,
  rdata: Uint8Array | readonly number[],
  ttl = 300,
): ResourceRecord {
  return { name, type, class: 1, ttl, rdata: Uint8Array.from(rdata) };
}

/** An address record at the name that is asked for, in its letters. */
export function addressReply(question: Uint8Array, last = 1, ttl = 300): Uint8Array {
  const name = decoded(question).questions[0]?.name ?? '.';
  return replyTo(question, { answers: [record(name, TYPE.A, [192, 0, 2, last], ttl)] });
}

/** What a message says, short: rcode, last bytes and TTLs of its answers, Extended DNS Error. */
export function gist(
  m: Message,
): readonly [number, readonly number[], readonly number[], number | undefined] {
  const ede = m.edns?.options.find((o) => o.code === 15)?.data[1];
  return [m.rcode, m.answers.map((r) => r.rdata.at(-1) ?? -1), m.answers.map((r) => r.ttl), ede];
}
