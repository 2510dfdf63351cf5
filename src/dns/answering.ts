import type { PreviewingAuthorizer } from '../core/access.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { Predecessor } from '../core/predecessor.ts';
import type { Random } from '../core/random.ts';
import type { Reactor } from '../net/index.ts';
import { createAcl } from './acl/acl.ts';
import { recursionPermission } from './acl/permission.ts';
import { Answerer } from './answer/answerer.ts';
import { Cookies } from './answer/cookies.ts';
import { Sampling } from './answer/sampling.ts';
import type { SamplingSettings } from './answer/sampling.ts';
import type { AnswerSettings } from './answer/settings.ts';
import type { DnsConfig } from './config.ts';
import { Resolver } from './forward/resolver.ts';
import { resolverSettings } from './forward/settings.ts';
import { guardsOf } from './answer/thread-guards.ts';
import type { SharedGuards } from './answer/thread-guards.ts';
import { guardsState, sharedGuards, tendGuards } from './guarding.ts';
import { DnsCounters } from './metrics.ts';
import { pipeline } from './pipeline.ts';
import { QueryLog } from './query-log.ts';
import { aliasStage } from './server/alias.ts';
import { ColdQuestions } from './server/cold.ts';
import { Responder } from './server/responder.ts';
import type { UdpHandlerSettings } from './server/udp-handler.ts';
import { isWithin } from './wire/index.ts';
import type { Zone } from './zone/index.ts';

export interface AnsweringParts {
  readonly config: DnsConfig;
  readonly settings: AnswerSettings;
  readonly zone: Zone;
  /** Absolute names of our zones. */
  readonly apexes: readonly string[];
  readonly counters: DnsCounters;
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly predecessor?: Predecessor;
  readonly policy?: PreviewingAuthorizer | undefined;
}

/** Everything that takes part in an answer, put together: the table's answerers in all threads, and behind them the slow way. */
export class Answering {
  readonly resolver: Resolver;
  readonly cold: ColdQuestions;
  /** Answers on this thread. */
  readonly responder: Responder;
  /** What the table says, for our own use: counted nowhere. */
  readonly local: Responder;
  readonly #parts: AnsweringParts;
  readonly #guards: SharedGuards;
  readonly #queryLog: QueryLog;

  constructor(parts: AnsweringParts) {
    const { config, settings, zone, apexes, counters, clock, random, log } = parts;
    this.#parts = parts;
    this.#guards = sharedGuards(config, random, clock, parts.predecessor?.stateOf('dns'));
    const recursion = recursionPermission(createAcl(config.acl.recursion), parts.policy);
    this.resolver = new Resolver({ ...parts, settings: resolverSettings(config, log), recursion });
    const { resolver } = this;
    const alias = aliasStage({
      local: (bytes) => this.local.local(bytes),
      isOurs: (name) => apexes.some((apex) => isWithin(name, apex)),
      mayAsk: (ip) => config.externalOn && recursion.allows(ip),
      outside: (...question) => resolver.resolve(...question),
    });
    const stages = pipeline({ alias, resolver, externalOn: config.externalOn });
    this.#queryLog = new QueryLog({ ...parts, maxLinesPerSecond: config.queryLog.maxLinesPerSecond });
    const sampling = new Sampling({
      ...samplingSettings(config),
      clock,
      start: 0,
      emit: (sample) => this.#queryLog.write(sample),
      onDropped: () => void counters.querySamplesDropped++,
    });
    const { cookieSecrets } = this.#guards;
    const { nsid, tcpIdleTenths } = settings;
    const own = { cookies: cookieSecrets && new Cookies(cookieSecrets), nsid, tcpIdleTenths };
    const guards = guardsOf(this.#guards);
    this.cold = new ColdQuestions({ ...parts, stages, settings: config, sampling, own, guards });
    const { table } = zone;
    const answerer = new Answerer({
      table,
      settings,
      counters: counters.own,
      guards: guardsOf(this.#guards),
      seed: random.int(0x7fffffff),
    });
    const uncounted = new Answerer({
      table,
      settings,
      counters: new DnsCounters().own,
      seed: random.int(0x7fffffff),
    });
    this.local = new Responder({ answerer: uncounted, table, cold: this.cold, clock });
    this.responder = new Responder({ answerer, table, cold: this.cold, clock, sampling });
  }

  /** For the process that takes over. */
  stateForSuccessor(): unknown {
    return guardsState(this.#guards);
  }

  /** A sample that a worker took. */
  logSample(sample: Uint8Array): void {
    this.#queryLog.write(sample);
  }

  /** What a worker answers with. */
  handlerOf(worker: number): UdpHandlerSettings {
    const { config, settings, zone, counters, random } = this.#parts;
    return {
      table: zone.memory,
      reader: worker + 1,
      answers: settings,
      guards: this.#guards,
      counters: counters.shared,
      seed: random.int(0x7fffffff),
      sampling: samplingSettings(config),
    };
  }

  /** Keep what is shared in good order; returns how to stop that. */
  tend(): () => void {
    const { config, random, clock } = this.#parts;
    return tendGuards(this.#guards, config, random, clock);
  }
}

function samplingSettings({ queryLog }: DnsConfig): SamplingSettings {
  return { sampleEvery: queryLog.sampleEvery, maxPerSecond: queryLog.maxLinesPerSecond };
}
