import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ENGINES, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { OriginProcess } from './support/origins.ts';
import { converse, readAnswers } from './support/raw.ts';
import { report } from './support/report.ts';
import { missing, run } from './support/tools.ts';

// L15: who may say where a request came from. Nobody, unless we were told to believe him.

const HOST = 'a.test';
const FAKE = '6.6.6.6';
const lacking = missing('curl');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

/** Fields as curl's `-H` takes them. */
const SPOOFS: readonly (readonly string[])[] = [
  [`X-Forwarded-For: ${FAKE}`],
  [`x-forwarded-for: ${FAKE}`],
  [`X-FORWARDED-FOR: ${FAKE}`],
  [`X-Forwarded-For: ${FAKE}, 127.0.0.1`],
  [`X-Forwarded-For: 127.0.0.1, ${FAKE}`],
  [`X-Forwarded-For: ${FAKE}`, `X-Forwarded-For: ${FAKE}`],
  ['X-Forwarded-For;'],
  [`X-Forwarded-For: "${FAKE}"`],
  [`X-Forwarded-For:\t${FAKE}`],
  [`X_Forwarded_For: ${FAKE}`],
  [`X-Forwarded_For: ${FAKE}`],
  [`X_FORWARDED-FOR: ${FAKE}`],
  [`X.Forwarded.For: ${FAKE}`],
  [`X-Forwarded-For : ${FAKE}`],
  [`Forwarded: for=${FAKE}`],
  [`Forwarded: for=${FAKE};proto=https;host=evil.test`],
  [`forwarded: for="[2001:db8::1]"`],
  [`Forwarded: for=127.0.0.1`, `Forwarded: for=${FAKE}`],
  [`X-Real-IP: ${FAKE}`],
  [`X_Real_IP: ${FAKE}`],
  [`X-Real_IP: ${FAKE}`],
  ['X-Forwarded-Proto: https'],
  ['X_Forwarded_Proto: https'],
  ['X-Forwarded-Host: evil.test'],
  ['X-Forwarded_Host: evil.test'],
  ['X-Forwarded-Port: 443'],
  ['X-Forwarded-Server: evil.test'],
  ['X-Forwarded-Prefix: /evil'],
  ['X-Forwarded-Ssl: on'],
  ['X-Forwarded-Scheme: https'],
  ['X-Forwarded-Client-Cert: By=spiffe://evil'],
  ['X-Forwarded-User: root'],
  ['X-Forwarded-By: evil'],
  [`Connection: X-Forwarded-For`],
  [`Connection: close, X-Forwarded-For`, `X-Forwarded-For: ${FAKE}`],
  [`Connection: X-Forwarded-Proto`],
  [`Connection: Forwarded`, `Forwarded: for=${FAKE}`],
  [`Connection: Host`],
  [`Connection: Authorization`, 'Authorization: Bearer x'],
  [`Connection: Cookie`, 'Cookie: a=b'],
];

/** Trailers that would say the same, later. */
const TRAILERS = [
  `X-Forwarded-For: ${FAKE}`,
  `Forwarded: for=${FAKE}`,
  `X-Real-IP: ${FAKE}`,
  `X_Forwarded_For: ${FAKE}`,
];

interface Seen {
  readonly fields: readonly string[];
  readonly trailers: readonly string[];
}

describe.skipIf(lacking.length > 0).each(ENGINES)(
  `L15: fields that say who asks, engine %s${needs}`,
  (engine) => {
    let origin: OriginProcess;
    let plain: EdgeUnderTest;
    let trusting: EdgeUnderTest;

    beforeAll(async () => {
      origin = await OriginProcess.start();
      const services = { [HOST]: [origin.address] };
      plain = await startEdge({ engine, services, lb: { trustedProxies: ['10.0.0.0/8', '127.0.0.2'] } });
      trusting = await startEdge({ engine, services, lb: { trustedProxies: ['127.0.0.1'] } });
    });
    afterAll(async () => {
      await plain.close();
      await trusting.close();
      await origin.close();
    });

    const ask = async (
      edge: EdgeUnderTest,
      fields: readonly string[],
    ): Promise<{ status: number; seen?: Seen }> => {
      const all = ['-s', '-w', '\n%{http_code}', '-H', `Host: ${HOST}`, ...fields.flatMap((f) => ['-H', f])];
      const text = await run('curl', [...all, `http://127.0.0.1:${edge.port}/echo`], { all: true });
      const cut = text.lastIndexOf('\n');
      const status = Number(text.slice(cut + 1));
      return status === 200 ? { status, seen: JSON.parse(text.slice(0, cut)) as Seen } : { status };
    };
    const values = (list: readonly string[], name: string): string[] =>
      list.flatMap((n, i) => (i % 2 === 0 && n.toLowerCase() === name ? [list[i + 1] ?? ''] : []));

    it(`${SPOOFS.length} spoofs by curl: the instance sees the true peer, or nothing`, async () => {
      const wrong: string[] = [];
      let refused = 0;
      for (const fields of SPOOFS) {
        const { status, seen } = await ask(plain, fields);
        const said = fields.join(' | ');
        if (seen === undefined) {
          if (status === 400) refused += 1;
          else wrong.push(`${said}: status ${status}`);
          continue;
        }
        const all = JSON.stringify(seen.fields).toLowerCase();
        const truth = {
          'x-forwarded-for': ['127.0.0.1'],
          'x-forwarded-proto': ['http'],
          'x-forwarded-host': [HOST],
          'x-forwarded-port': [String(plain.port)],
          forwarded: [],
          'x-real-ip': [],
          host: [HOST],
        };
        for (const [name, expected] of Object.entries(truth)) {
          const got = values(seen.fields, name);
          if (JSON.stringify(got) !== JSON.stringify(expected))
            wrong.push(`${said}: ${name} is ${JSON.stringify(got)}`);
        }
        for (const trace of [FAKE, 'evil', '2001:db8', '"root"'])
          if (all.includes(trace)) wrong.push(`${said}: ${trace} came through`);
        const trusted = seen.fields.filter(
          (n, i) => i % 2 === 0 && /^x.forwarded|^forwarded|^x.real/i.test(n),
        );
        if (trusted.length !== 4) wrong.push(`${said}: ${trusted.join(', ')}`);
      }
      report(
        'L15',
        `engine ${engine}: ${SPOOFS.length} spoofs, ${refused} refused, ${wrong.length} believed`,
      );
      expect(wrong).toEqual([]);
      expect(refused).toBeGreaterThan(5);
    });

    it(`${TRAILERS.length} spoofs among the trailers`, async () => {
      for (const trailer of TRAILERS) {
        const text = `POST /echo HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Forwarded-For\r\n\r\n1\r\nx\r\n0\r\n${trailer}\r\nX-T: 1\r\n\r\n`;
        const { text: got } = await converse(plain.port, text, { whole: (t) => readAnswers(t).length > 0 });
        const [answer] = readAnswers(got);
        if (answer?.status === 400) continue;
        const seen = JSON.parse(answer?.body ?? '{}') as Seen;
        expect(values(seen.fields, 'x-forwarded-for'), trailer).toEqual(['127.0.0.1']);
        expect(JSON.stringify(seen), trailer).not.toContain(FAKE);
        expect(values(seen.trailers, 'x-t')).toEqual(['1']);
      }
    });

    it('who is listed is believed, and who is not listed behind him is still named', async () => {
      const { seen } = await ask(trusting, [
        `X-Forwarded-For: ${FAKE}`,
        'X-Forwarded-Proto: https',
        'X-Forwarded-Host: outside.test',
        'X-Forwarded-Port: 443',
      ]);
      const fields = seen?.fields ?? [];
      expect(values(fields, 'x-forwarded-for').join(', ')).toBe(`${FAKE}, 127.0.0.1`);
      expect(values(fields, 'x-forwarded-proto')).toEqual(['https']);
      expect(values(fields, 'x-forwarded-host')).toEqual(['outside.test']);
      expect(values(fields, 'x-forwarded-port')).toEqual(['443']);
      // Aliases are nobody's to send.
      expect((await ask(trusting, [`X_Forwarded_For: ${FAKE}`])).status).toBe(400);
    });
  },
);
