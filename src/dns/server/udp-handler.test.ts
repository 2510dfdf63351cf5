import { expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import type { Datagram } from '../../net/index.ts';
import { newCookieSecrets } from '../answer/cookies.ts';
import { newAnswerCounters } from '../answer/counters.ts';
import { TableWriter } from '../table/index.ts';
import { EDNS, decoded, queryBytes } from '../testing/message.ts';
import { ANSWER_SETTINGS } from '../testing/responder.ts';
import { EDNS_OPTION } from '../wire/index.ts';
import { createUdpHandler } from './udp-handler.ts';

it('knows the time of day, also a tenth of a second after somebody set it', () => {
  const clock = { wall: 1_700_000_000_000, rising: 5_000 };
  const memory = new SharedArrayBuffer(1024 * 1024);
  expect(new TableWriter(memory, 1, []).nodes).toBe(0);
  const handler = createUdpHandler(
    {
      table: memory,
      reader: 1,
      answers: ANSWER_SETTINGS,
      guards: { cookieSecrets: newCookieSecrets(seededRandom(1)), rates: undefined, exempt: [] },
      counters: newAnswerCounters(2),
      seed: 1,
      sampling: { sampleEvery: 0, maxPerSecond: 1 },
    },
    { cold: () => {}, sample: () => {} },
    {
      now: () => clock.wall,
      monotonic: () => clock.rising,
      after: () => ({ cancel: () => {} }),
      every: () => ({ cancel: () => {} }),
    },
  );
  const options = [{ code: EDNS_OPTION.COOKIE, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }];
  const request = queryBytes('web.marathon.mesos.', 1, { edns: { ...EDNS, options } });
  const reply = new Uint8Array(512);
  const datagram: Datagram = {
    request,
    start: 0,
    end: request.length,
    reply,
    replyAt: 0,
    replyRoom: 512,
    address: Uint8Array.of(192, 0, 2, 1),
    addressAt: 0,
    addressBytes: 4,
    port: 1024,
  };
  /** When the cookie of an answer was made, seconds. */
  const madeAt = (): number => {
    handler.begin();
    handler.look?.(datagram, 0);
    handler.looked?.(1);
    const length = handler.handle(datagram, () => ({ socket: 0, ip: '', port: 0, local: undefined }), 0);
    handler.end();
    const cookie = decoded(reply.slice(0, length)).edns?.options.find((o) => o.code === EDNS_OPTION.COOKIE);
    return Buffer.from(cookie?.data ?? []).readUInt32BE(12);
  };
  const pass = (ms: number): void => {
    clock.wall += ms;
    clock.rising += ms;
  };
  expect(madeAt()).toBe(1_700_000_000);
  pass(1_000);
  expect(madeAt()).toBe(1_700_000_001);
  clock.wall += 3_600_000;
  pass(100);
  expect(madeAt()).toBe(1_700_003_601);
});
