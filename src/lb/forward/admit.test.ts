import { describe, expect, it } from 'vitest';
import { FAILED, INCOMPLETE, latin1Bytes, RequestParser } from '../http1/index.ts';
import { reasons } from '../reasons.ts';
import { Admission } from './admit.ts';
import { ADMISSION_TABLE } from './testing/admission-table.ts';

const parser = new RequestParser({ headBytes: 16_384, lineBytes: 8_192, fields: 100 });
const admission = new Admission(1_000_000);

/** The reason code, or `ok` with what forwarding would see. */
function judge(text: string): string {
  const bytes = latin1Bytes(text);
  const end = parser.parse(bytes, 0, bytes.length);
  if (end === INCOMPLETE) return 'incomplete';
  if (end === FAILED) return parser.error ?? '?';
  const admitted = admission.admit(parser);
  return typeof admitted === 'string' ? admitted : `ok ${admitted.host} ${admitted.target}`;
}

const H = 'Host: a.test\r\n';

describe('the admission table', () => {
  it.each(ADMISSION_TABLE)('%s', (_name, text, decision) => {
    expect(judge(text)).toBe(decision);
  });

  it('gives every refusal a status of the 4xx or 5xx kind', () => {
    for (const [, , decision] of ADMISSION_TABLE) {
      if (decision.startsWith('ok ')) continue;
      const reason = (reasons as Record<string, { status: number; text: string }>)[decision];
      expect(reason?.status).toBeGreaterThanOrEqual(400);
    }
  });

  const upgrade = (fields: string, first = 'GET / HTTP/1.1'): boolean => {
    const bytes = latin1Bytes(`${first}\r\n${H}${fields}\r\n`);
    parser.parse(bytes, 0, bytes.length);
    const admitted = admission.admit(parser);
    if (typeof admitted === 'string') throw new Error(admitted);
    return admitted.upgrade;
  };

  it.each([
    ['a WebSocket', 'Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n', true],
    [
      'h2c goes on as HTTP/1.1',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n',
      false,
    ],
    ['a choice of protocols', 'Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n', false],
    ['without Connection', 'Upgrade: websocket\r\n', false],
    ['with a body', 'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n', false],
  ])('upgrade: %s', (_name, fields, expected) => {
    expect(upgrade(fields)).toBe(expected);
  });
});
