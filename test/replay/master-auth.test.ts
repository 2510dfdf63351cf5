import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { principalsOf } from '../../src/auth/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { startMaster } from '../../src/master/testing/peers.ts';
import type { RunningMaster } from '../../src/master/testing/peers.ts';
import { replay } from '../../src/master/testing/raw-exchange.ts';
import type { Exchange } from '../../src/master/testing/raw-exchange.ts';

const FIXTURES = new URL('../fixtures/golden-auth/', import.meta.url);
const exchanges = readFileSync(new URL('exchanges.jsonl', FIXTURES), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Exchange);

const field = (headers: string, name: string): string | undefined =>
  new RegExp(`^${name}: *(.*)$`, 'im').exec(headers.replaceAll('\r', ''))?.[1];

describe('a master that asks who you are', () => {
  let master: RunningMaster;
  beforeAll(async () => {
    const file = fileURLToPath(new URL('credentials.json', FIXTURES));
    const authenticator = await principalsOf(file, systemClock);
    const decide = (): { allowed: boolean; rule: string; version: number } => ({
      allowed: true,
      rule: 'default',
      version: 1,
    });
    master = await startMaster({ access: { authenticator, authorizer: { decide } } });
  });
  afterAll(() => master.stop());

  it('was recorded with enough of both', () => {
    const count = (status: string): number =>
      exchanges.filter(({ response }) => response.status.includes(status)).length;
    expect([count('401') > 80, count('200') > 30]).toEqual([true, true]);
  });

  it.each(exchanges)('$name is answered as by Mesos', async (exchange) => {
    const ours = await replay(master.master.address.port, exchange, (text) => text);
    const theirs = exchange.response;
    expect(ours.status).toBe(Number(theirs.status.split(' ')[1]));
    if (ours.status < 400) return;
    const headers = theirs.headers.join('\n');
    expect(ours.body).toBe(theirs.body);
    for (const name of ['www-authenticate', 'content-type'])
      expect(field(ours.headers, name), name).toBe(field(headers, name));
  });

  it('makes the principal of a scheduler the one who has logged in, and takes calls from nobody else', async () => {
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    const send = async (call: object, login: string, streamId?: string): Promise<[number, string]> => {
      const response = await master.http.request({
        method: 'POST',
        url: `${master.url}/api/v1/scheduler`,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          authorization: basic(login),
          ...(streamId !== undefined && { 'mesos-stream-id': streamId }),
        },
        body: JSON.stringify(call),
      });
      if (response.status === 200) {
        // It stays open: a framework whose stream ends is gone.
        const first = await response.body[Symbol.asyncIterator]().next();
        const stream = response.headers['mesos-stream-id'] ?? '';
        return [200, `${stream} ${Buffer.from((first.value as Uint8Array | undefined) ?? []).toString()}`];
      }
      return [response.status, await response.text()];
    };
    const [status, subscribed] = await send(
      { type: 'SUBSCRIBE', subscribe: { framework_info: { user: 'u', name: 'mine' } } },
      'fw:fw',
    );
    expect(status).toBe(200);
    const [stream = ''] = subscribed.split(' ', 1);
    const id = /"framework_id":\{"value":"([^"]+)"/.exec(subscribed)?.[1] ?? '';
    const state = await master.http.request({
      method: 'GET',
      url: `${master.url}/frameworks`,
      headers: { authorization: basic('admin:s3cret') },
    });
    expect(await state.text()).toContain('"principal":"fw"');
    const revive = { type: 'REVIVE', framework_id: { value: id } };
    expect(await send(revive, 'fw:fw', stream)).toEqual([202, '']);
    expect(await send(revive, 'admin:s3cret', stream)).toEqual([
      400,
      "Authenticated principal 'admin' does not match principal 'fw' set in `FrameworkInfo`",
    ]);
  });
});
