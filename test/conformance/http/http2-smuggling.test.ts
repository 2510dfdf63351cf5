import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/random.ts';
import { Differential, installed, needs, normal } from './support/differential.ts';
import type { Conversation } from './support/differential.ts';
import { ENGINES, LONG, SEED, sized } from './support/edge.ts';
import { converseHttp2 } from './support/http2.ts';
import type { Http2Answers } from './support/http2.ts';
import { writeStreams } from './support/http2-streams.ts';
import type { Asked } from './support/http2-streams.ts';
import type { Recorded } from './support/recorder.ts';
import { report } from './support/report.ts';

/*
 * L2 over HTTP/2: connections with one to three odd requests each, as frames of our own making, go through us to five servers of others
 * over HTTP/1.1. What these read must be requests that a stream has asked for, word for word, and the same for all; each stream must get
 * the answer to its own; and the connections to the servers must be in step afterwards.
 */

const CONNECTIONS = sized(400, 10_000);

/** The same for each server: all that is random begins anew. */
function conversation(n: number): Conversation {
  const written = (host: string): ReturnType<typeof writeStreams> =>
    writeStreams(seededRandom(SEED + n), `${n}`, host);
  return {
    get text() {
      const { frames, asked } = written('o0.test');
      return JSON.stringify({ asked, frames: frames.toString('latin1') });
    },
    async hold(port, host, quietMs) {
      const { frames, asked, whole } = written(host);
      const answers = await converseHttp2(port, frames, {
        quietMs,
        enough: (so) => so.goaway !== undefined || (whole && asked.every(({ stream }) => so.of(stream).over)),
      });
      return {
        statuses: asked.map(({ stream }) => answered(answers, stream)).join(' '),
        wrong: (seen) => [...unasked(seen, asked), ...misplaced(answers, asked)],
      };
    },
  };
}

function answered(answers: Http2Answers, stream: number): string {
  const { status, reset } = answers.of(stream);
  return status > 0 ? `${status}` : `RST${reset ?? ''}`;
}

/** Requests that no stream has asked for, or more often than it did. */
function unasked(seen: readonly Recorded[], asked: readonly Asked[]): string[] {
  const left = asked.map(normal);
  return seen
    .map(normal)
    .filter((request) => {
      const i = left.indexOf(request);
      if (i >= 0) left.splice(i, 1);
      return i < 0;
    })
    .map((request) => `nobody asked for ${request}`);
}

/** Answers of servers that are not to what their stream has asked for: these say method and path. */
function misplaced(answers: Http2Answers, asked: readonly Asked[]): string[] {
  return asked.flatMap((request) => {
    const { status, body, over } = answers.of(request.stream);
    if (status !== 200) return [];
    const [method = '', url = ''] = body.split(' ');
    const fits =
      request.method === 'HEAD' || !over
        ? body === ''
        : normal({ ...request, method, url }) === normal(request);
    return fits ? [] : [`stream ${request.stream} got ${body}`];
  });
}

describe.skipIf(installed.length < 2).each(LONG ? ENGINES : ENGINES.slice(0, 1))(
  `L2 over HTTP/2: odd requests to ${installed.join(', ')}, engine %s${needs}`,
  (engine) => {
    let servers: Differential;
    beforeAll(async () => {
      servers = await Differential.start(engine);
    });
    afterAll(() => servers.close());

    it(`${CONNECTIONS} connections: servers read what streams ask for, and each stream gets its answer (seed ${SEED})`, async () => {
      const { passed, requests, findings, refusedBy } = await servers.run(CONNECTIONS, conversation);
      report(
        'L2',
        `HTTP/2, seed ${SEED}, engine ${engine}: ${CONNECTIONS} connections × ${installed.length} servers, ${passed} with requests that were let through, ${requests} requests; ` +
          `${findings.length} read differently; refused by one server alone: ${JSON.stringify([...refusedBy])}`,
      );
      expect(findings).toEqual([]);
      expect(passed).toBeGreaterThan(CONNECTIONS * 0.25);
    });
  },
);
