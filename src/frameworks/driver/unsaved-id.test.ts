import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createApi, listen } from '../../core/http/server.ts';
import { openStream } from '../../core/http/stream-response.ts';
import { encodeRecord } from '../../mesos/index.ts';
import { driverAt } from '../testing/driver-at.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a framework id that cannot be saved', () => {
  it('is asked for again, ever more patiently, and nothing begins before it is saved', async () => {
    const asked: { readonly id: string | undefined; readonly at: number }[] = [];
    const api = createApi();
    api.post('/api/v1/scheduler', (request, reply) => {
      const call = JSON.parse((request.body as Buffer).toString('utf8')) as {
        framework_id?: { value: string };
      };
      asked.push({ id: call.framework_id?.value, at: systemClock.monotonic() });
      const framework_id = call.framework_id ?? { value: `f${asked.length}` };
      openStream(reply, { headers: { 'mesos-stream-id': `s${asked.length}` }, onClose: () => {} }).write(
        encodeRecord({ type: 'SUBSCRIBED', subscribed: { framework_id } }),
      );
      return reply;
    });
    const port = await listen(api, '127.0.0.1', 0);
    const saved: (string | undefined)[] = [];
    const onSubscribed = vi.fn(() => expect(saved).toEqual(['f1']));
    const save = async (id: string | undefined): Promise<void> => {
      if (asked.length < 4) throw new Error('EIO');
      saved.push(id);
    };
    const driver = driverAt(port, { load: async () => undefined, save }, { onSubscribed });
    cleanups.push(
      () => api.close(),
      () => driver.stop(),
    );
    await driver.start();
    await vi.waitFor(() => expect(onSubscribed).toHaveBeenCalledTimes(1), 20_000);
    expect(asked.map(({ id }) => id)).toEqual([undefined, 'f1', 'f1', 'f1']);
    expect(saved).toEqual(['f1']);
    expect(onSubscribed).toHaveBeenCalledWith({
      frameworkId: 'f1',
      master: `127.0.0.1:${port}`,
      again: false,
    });
    // 200, 400, 800 ms, and up to half of each less
    const [first, , , last] = asked;
    expect((last?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(650);
  });
});
