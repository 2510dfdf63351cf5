import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/random.ts';
import type { Random } from '../../../src/core/random.ts';
import { mutate } from '../../fuzz/http1-seeds.ts';
import { Differential, installed, needs } from './support/differential.ts';
import type { Conversation } from './support/differential.ts';
import { ENGINES, LONG, SEED, sized } from './support/edge.ts';
import { converse, readAnswers } from './support/raw.ts';
import type { RawAnswer } from './support/raw.ts';
import type { Recorded } from './support/recorder.ts';
import { report } from './support/report.ts';

/*
 * L2: mutated streams of one to three requests go through us to five servers of others. Whatever we let through, all of them must read
 * as the same requests; the answers a client gets must be those to its own requests, in order; and the connections to the servers
 * must be in step afterwards.
 */

const STREAMS = sized(250, 10_000);

const H = 'Host: o0.test\r\n';
const seedsOf = (n: number): string[] => [
  `GET /${n}-a HTTP/1.1\r\n${H}\r\n`,
  `GET /${n}-b/c?d=e&f=%20g HTTP/1.1\r\n${H}User-Agent: x/1\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n`,
  `POST /${n}-c HTTP/1.1\r\n${H}Content-Length: 11\r\n\r\nhello world`,
  `POST /${n}-d HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`,
  `PUT /${n}-e HTTP/1.1\r\n${H}transfer-encoding: Chunked\r\nTrailer: X-T\r\n\r\nA;x=y;z="q r"\r\n0123456789\r\n00;a\r\nX-T: 1\r\n\r\n`,
  `HEAD http://o0.test/${n}-f HTTP/1.1\r\n${H}\r\n`,
  `DELETE /${n}-g HTTP/1.1\r\n${H}Content-Length: 0\r\nX-Empty:\r\n\r\n`,
  `PUT /${n}-h HTTP/1.1\r\n${H}Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc`,
  `GET /${n}-i HTTP/1.1\r\n${H}Connection: X-Y\r\nX-Y: 1\r\nX-Forwarded-For: 1.2.3.4\r\nTE: trailers\r\n\r\n`,
  `POST /${n}-j HTTP/1.1\r\n${H}Content-Length: 47\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: o0.test\r\nX: y\r\n\r\n`,
  `POST /${n}-k HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n2C\r\nGET /smuggled HTTP/1.1\r\nHost: o0.test\r\nX: \r\n\r\n0\r\n\r\n`,
];

/** Lines of a head that make two readers disagree if anything does. */
const NASTY = [
  'Transfer-Encoding: chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: "chunked"',
  'Transfer-Encoding:\x0bchunked',
  'Transfer_Encoding: chunked',
  'X: y\r\n Transfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'Content-Length: 0',
  'Content-Length: 3',
  'Content-Length: 5, 5',
  'Content-Length: +5',
  'Content-Length: 05',
  'Content-Length: 5 ',
  'Content_Length: 5',
  'Content-Length: 5\r\nContent-Length: 0',
  'Connection: close, Content-Length',
  'Connection: Transfer-Encoding',
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA',
  'Connection: Upgrade\r\nUpgrade: websocket',
  'Expect: 100-continue',
  'Host: evil.test',
  'Host: o0.test:80',
  'X-HTTP-Method-Override: DELETE',
  'X-Original-URL: /other',
  'Trailer: Content-Length',
  'TE: trailers, chunked',
  'A\x00: b',
  'Ab: \x80\xff',
];

function stream(random: Random, n: number): string {
  const seeds = seedsOf(n);
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
  const many = Array.from({ length: 1 + random.int(3) }, () => pick(seeds)).join('');
  // `mutate` starts from any of its seeds: mostly from this one.
  let text = mutate([many, many, many, ...seeds], random).toString('latin1');
  if (random.int(2) === 0) {
    const lines = text.split('\r\n');
    lines.splice(1 + random.int(Math.max(1, lines.length - 1)), 0, pick(NASTY));
    text = lines.join('\r\n');
  }
  return `${text}GET /${n}-last HTTP/1.1\r\n${H}Connection: close\r\n\r\n`;
}

/** It is written to the server `o0`; for the others the name is theirs. */
function conversation(stream: string): Conversation {
  return {
    text: JSON.stringify(stream),
    async hold(port, host, quietMs) {
      const mine = stream.replace(
        /(o)0(\.test)/gi,
        (_all, o: string, rest: string) => o + host.charAt(1) + rest,
      );
      const answers = readAnswers((await converse(port, mine, { quietMs })).text);
      return {
        statuses: answers.map((a) => a.status).join(' '),
        wrong: (seen) => outOfStep(seen, answers),
      };
    },
  };
}

/** Answers are those to the requests, in order. A client may have more answers (our own) or fewer (it gave up). */
function outOfStep(requests: readonly Recorded[], answers: readonly RawAnswer[]): string[] {
  const expected = requests.filter((r) => r.method !== 'HEAD').map((r) => `${r.method} ${r.url}`);
  const got = answers.filter((a) => a.status === 200 && a.body !== '').map((a) => a.body);
  const wrong = got.filter((body, i) => body !== expected[i]);
  return wrong.length > 0 ? [`answers ${got.join(', ')} to ${expected.join(', ')}`] : [];
}

describe.skipIf(installed.length < 2).each(LONG ? ENGINES : ENGINES.slice(0, 1))(
  `L2: mutated streams to ${installed.join(', ')}, engine %s${needs}`,
  (engine) => {
    let servers: Differential;
    beforeAll(async () => {
      servers = await Differential.start(engine);
    });
    afterAll(() => servers.close());

    it(`${STREAMS} streams: all read the same, and no answer is another's (seed ${SEED})`, async () => {
      const random = seededRandom(SEED);
      const { passed, requests, findings, refusedBy } = await servers.run(STREAMS, (n) =>
        conversation(stream(random, n)),
      );
      report(
        'L2',
        `seed ${SEED}, engine ${engine}: ${STREAMS} streams × ${installed.length} servers, ${passed} with requests that were let through, ${requests} requests; ` +
          `${findings.length} read differently; refused by one server alone: ${JSON.stringify([...refusedBy])}`,
      );
      expect(findings).toEqual([]);
      expect(passed).toBeGreaterThan(STREAMS * 0.25);
    });
  },
);
