import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { Answerer } from '../answer/answerer.ts';
import type { AnswerSettings } from '../answer/settings.ts';
import { DnsCounters } from '../metrics.ts';
import type { Stage } from '../pipeline.ts';
import { ColdQuestions } from '../server/cold.ts';
import { Responder } from '../server/responder.ts';
import type { Zone } from '../zone/index.ts';
import { nameBytes } from '../wire/index.ts';

export const ANSWER_SETTINGS: AnswerSettings = {
  zones: [{ apex: nameBytes('mesos.') ?? new Uint8Array(1), fixed: false }],
  aliases: [],
  udpPayloadBytes: 1232,
  setTruncateBit: true,
  recurseOn: true,
  forwards: false,
  nsid: new Uint8Array(0),
  tcpIdleTenths: 100,
};

/** What answers for a zone, without sockets. Names outside go through `stages`; without any they are refused. */
export function responderFor(
  zone: Zone,
  stages: readonly Stage[] = [],
  settings: Partial<AnswerSettings> = {},
): Responder {
  const counters = new DnsCounters();
  const all = { ...ANSWER_SETTINGS, forwards: stages.length > 0, ...settings };
  const { table } = zone;
  return new Responder({
    answerer: new Answerer({ table, settings: all, counters: counters.own, seed: 1 }),
    table,
    clock: systemClock,
    cold: new ColdQuestions({ stages, settings: all, counters, log: silentLogger, clock: systemClock }),
  });
}
