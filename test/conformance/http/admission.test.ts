import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMISSION_TABLE } from '../../../src/lb/forward/testing/admission-table.ts';
import { reasons } from '../../../src/lb/reasons.ts';
import type { ReasonCode } from '../../../src/lb/reasons.ts';
import { ENGINES, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { converse, readAnswers } from './support/raw.ts';
import { report } from './support/report.ts';
import { missing, run } from './support/tools.ts';

// L1: every odd request has a decided answer, and what is refused reaches no instance. Judged over raw sockets, and by varnishtest.

const BODY_LIMIT = 1_000_000;
const lacking = missing('varnishtest');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

const chunked = (body: string): string =>
  `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;

/** Bodies by which heads that are well are taken apart differently. */
const BODIES: readonly (readonly [string, string, string])[] = [
  ['plain chunks', chunked('5\r\nhello\r\n0\r\n\r\n'), 'ok a.test /'],
  ['a chunk extension', chunked('5;a=b\r\nhello\r\n0\r\n\r\n'), 'ok a.test /'],
  ['trailers', chunked('0\r\nX-T: 1\r\n\r\n'), 'ok a.test /'],
  ['a size that is no number', chunked('x\r\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['an empty size', chunked('\r\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['a size with 0x', chunked('0x5\r\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['a signed size', chunked('+5\r\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['a negative size', chunked('-5\r\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['a size beyond 64 bits', chunked('10000000000000005\r\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['a blank before the size', chunked(' 5\r\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['a bare LF after the size', chunked('5\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['a bare CR after the size', chunked('5\rhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['a bare LF in an extension', chunked('5;a\nb\r\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['no CRLF after the data', chunked('5\r\nhello0\r\n\r\n'), 'bad-chunk'],
  ['data longer than the size', chunked('4\r\nhello\r\n0\r\n\r\n'), 'bad-chunk'],
  ['a bare LF after the data', chunked('5\r\nhello\n0\r\n\r\n'), 'bad-chunk'],
  ['a length among the trailers', chunked('0\r\nContent-Length: 5\r\n\r\n'), 'bad-trailers'],
  ['Host among the trailers', chunked('0\r\nHost: b.test\r\n\r\n'), 'bad-trailers'],
  [
    'a transfer encoding among the trailers',
    chunked('0\r\nTransfer-Encoding: chunked\r\n\r\n'),
    'bad-trailers',
  ],
  ['an alias among the trailers', chunked('0\r\nX_Forwarded_For: 1.2.3.4\r\n\r\n'), 'bad-trailers'],
  ['a trailer without a colon', chunked('0\r\nxyz\r\n\r\n'), 'bad-trailers'],
  ['chunks beyond the limit', chunked(`F4241\r\n${'x'.repeat(1_000_001)}\r\n0\r\n\r\n`), 'body-too-large'],
];

/** Refusals that leave no doubt where the request ends; after the others we close, for what follows may be part of it. */
const FRAMED = new Set(['bad-trailers', 'body-too-large']);

/** The body that a head of the table asks for. */
function withBody(text: string): string {
  if (/^transfer-encoding: *chunked *\r$/im.test(text)) return `${text}0\r\n\r\n`;
  const length = /^content-length: (\d+)\r$/im.exec(text)?.[1];
  return length === undefined ? text : text + 'x'.repeat(Number(length));
}

/** HTTP/1.1 refuses it, and so does the table; a listener takes it for what it is, and speaks HTTP/2. */
const HTTP2_PREFACE = 'the HTTP/2 preface';

const CASES = [
  ...ADMISSION_TABLE.filter(([name]) => name !== HTTP2_PREFACE).map(
    ([name, text, decision]) => [name, decision.startsWith('ok ') ? withBody(text) : text, decision] as const,
  ),
  ...BODIES,
];

describe.each(ENGINES)('L1: the admission table, engine %s', (engine) => {
  let edge: EdgeUnderTest;
  let origin: Server;
  const seen: string[] = [];

  beforeAll(async () => {
    origin = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        seen.push(`${request.headers.host} ${request.url}`);
        response.end('seen');
      });
    });
    await new Promise<void>((resolve) => void origin.listen(0, '127.0.0.1', resolve));
    edge = await startEdge({
      engine,
      services: { '*': [`127.0.0.1:${(origin.address() as AddressInfo).port}`] },
      lb: { limits: { bodyBytes: BODY_LIMIT } },
    });
  });
  afterAll(async () => {
    await edge.close();
    origin.closeAllConnections();
    origin.close();
  });

  it(`${CASES.length} payloads over raw sockets`, async () => {
    const wrong: string[] = [];
    for (const [name, text, decision] of CASES) {
      seen.length = 0;
      const { text: got, ended } = await converse(edge.port, text, {
        whole: (t) => readAnswers(t).length > 0 && (decision.startsWith('ok ') || FRAMED.has(decision)),
      });
      const answers = readAnswers(got);
      const [first] = answers;
      if (decision.startsWith('ok ')) {
        const target = decision.split(' ')[2];
        if (first?.status !== 200 || seen.length !== 1 || seen[0]?.split(' ')[1] !== target)
          wrong.push(`${name}: ${first?.status} ${first?.reason}, seen ${seen.join('; ')}`);
        continue;
      }
      const status = reasons[decision as ReasonCode].status;
      if (first?.status !== status || first.reason !== decision || answers.length !== 1)
        wrong.push(`${name}: ${answers.map((a) => `${a.status} ${a.reason}`).join(', ')} (${ended})`);
      if (seen.length > 0) wrong.push(`${name}: reached the instance as ${seen.join('; ')}`);
      if (ended !== 'closed' && !FRAMED.has(decision)) wrong.push(`${name}: the connection ended ${ended}`);
    }
    report('L1', `engine ${engine}: ${CASES.length} payloads over raw sockets, ${wrong.length} undecided`);
    expect(wrong).toEqual([]);
  });

  it.skipIf(lacking.length > 0)(`varnishtest agrees${needs}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rimrock-vtc-'));
    const refused = CASES.filter(([, text, decision]) => !decision.startsWith('ok ') && text.length < 50_000);
    const clients = refused.map(([, text, decision], i) =>
      [
        `client c${i} -connect 127.0.0.1:${edge.port} {`,
        `  sendhex "${Buffer.from(text, 'latin1').toString('hex')}"`,
        '  rxresp',
        `  expect resp.status == ${reasons[decision as ReasonCode].status}`,
        `  expect resp.http.x-rimrock-reason == "${decision}"`,
        ...(FRAMED.has(decision) ? [] : ['  expect_close']),
        '} -run',
      ].join('\n'),
    );
    const good = `client c-good -connect 127.0.0.1:${edge.port} {\n  txreq -url /varnish -hdr "Host: a.test"\n  rxresp\n  expect resp.status == 200\n  expect resp.body == "seen"\n} -run`;
    const file = join(folder, 'admission.vtc');
    writeFileSync(file, `vtest "admission"\n${[...clients, good].join('\n')}\n`);
    try {
      seen.length = 0;
      const said = await run('varnishtest', ['-t', '60', '-b', '4M', file], { all: true, timeoutMs: 90_000 });
      expect(said.includes(' passed (') ? 'passed' : said.split('\n').slice(-40).join('\n')).toBe('passed');
      expect(seen.map((s) => s.split(' ')[1])).toEqual(['/varnish']);
      report('L1', `engine ${engine}: varnishtest judged ${refused.length} refusals`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
