import { afterEach, describe, expect, it, vi } from 'vitest';
import { createApi, listen } from '../../core/http/server.ts';
import { openStream } from '../../core/http/stream-response.ts';
import { encodeRecord } from '../../mesos/index.ts';
import { driverAt } from '../testing/driver-at.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a call that gets no answer', () => {
  it('ends the subscription: what may still arrive late is of no account, and offers come anew', async () => {
    const api = createApi();
    let subscriptions = 0;
    api.post('/api/v1/scheduler', (request, reply) => {
      const { type } = JSON.parse((request.body as Buffer).toString('utf8')) as { type: string };
      if (type === 'DECLINE') {
        reply.hijack();
        reply.raw.destroy();
        return reply;
      }
      if (type !== 'SUBSCRIBE') return reply.code(202).send();
      const streamId = `s${++subscriptions}`;
      openStream(reply, { headers: { 'mesos-stream-id': streamId }, onClose: () => {} }).write(
        encodeRecord({ type: 'SUBSCRIBED', subscribed: { framework_id: { value: 'f' } } }),
      );
      return reply;
    });
    const port = await listen(api, '127.0.0.1', 0);
    const onSubscribed = vi.fn();
    const onDisconnected = vi.fn();
    const driver = driverAt(
      port,
      { load: async () => undefined, save: async () => {} },
      { onSubscribed, onDisconnected },
    );
    cleanups.push(
      () => api.close(),
      () => driver.stop(),
    );
    await driver.start();
    await vi.waitFor(() => expect(onSubscribed).toHaveBeenCalledTimes(1), 20_000);
    expect(await driver.call({ type: 'REVIVE' })).toEqual({ kind: 'accepted' });
    const outcome = await driver.call({ type: 'DECLINE', decline: { offer_ids: [{ value: 'o' }] } });
    expect(outcome.kind).toBe('unknown');
    await vi.waitFor(() => expect(onSubscribed).toHaveBeenCalledTimes(2), 20_000);
    expect(onDisconnected).toHaveBeenCalledTimes(1);
    expect(await driver.call({ type: 'REVIVE' })).toEqual({ kind: 'accepted' });
  });
});
