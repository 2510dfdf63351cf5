import { afterEach, describe, expect, it } from 'vitest';
import type { Api } from '../../core/http/server.ts';
import { createApi, listen } from '../../core/http/server.ts';
import type { StreamResponse } from '../../core/http/stream-response.ts';
import { openStream } from '../../core/http/stream-response.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { encodeRecord } from '../../mesos/index.ts';
import { openSubscription } from './subscription.ts';
import type { SchedulerEvent } from './types.ts';

let api: Api | undefined;
afterEach(() => api?.close());

const SUBSCRIBED = encodeRecord({
  type: 'SUBSCRIBED',
  subscribed: { framework_id: { value: 'f' }, heartbeat_interval_seconds: 1 },
});

/** A master that streams what `talk` writes. */
async function open(clock: FakeClock, talk: (stream: StreamResponse) => void) {
  api = createApi();
  api.post('/api/v1/scheduler', (_, reply) => {
    talk(openStream(reply, { headers: { 'mesos-stream-id': 's1' }, onClose: () => {} }));
    return reply;
  });
  const port = await listen(api, '127.0.0.1', 0);
  const opened = await openSubscription({
    url: `http://127.0.0.1:${port}/api/v1/scheduler`,
    call: {},
    clock,
    signal: new AbortController().signal,
  });
  if (opened.kind !== 'stream') throw new Error(`not a stream: ${JSON.stringify(opened)}`);
  return opened;
}

describe('the event stream', () => {
  it('is given up when three heartbeats are missing', async () => {
    const clock = new FakeClock();
    const { events, streamId } = await open(clock, (s) => s.write(SUBSCRIBED));
    expect(streamId).toBe('s1');
    const iterator = events[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ type: 'SUBSCRIBED' });
    const next = iterator.next();
    clock.advance(2_999);
    expect(clock.pending).toBe(1);
    clock.advance(1);
    await expect(next).rejects.toThrow('3 heartbeats missed');
  });

  it('is read however it is cut, and ends when the master ends it', async () => {
    const clock = new FakeClock();
    const bytes = Buffer.concat([SUBSCRIBED, encodeRecord({ type: 'HEARTBEAT' })]);
    const opened = await open(clock, (s) => {
      for (const byte of bytes) s.write(Uint8Array.of(byte));
      s.end();
    });
    const seen: SchedulerEvent['type'][] = [];
    for await (const event of opened.events) seen.push(event.type);
    opened.close();
    expect(seen).toEqual(['SUBSCRIBED', 'HEARTBEAT']);
    expect(clock.pending).toBe(0);
  });

  it('is given up when it is not RecordIO', async () => {
    const opened = await open(new FakeClock(), (s) => s.write('{"type":"SUBSCRIBED"}\n'));
    await expect(opened.events[Symbol.asyncIterator]().next()).rejects.toThrow('the event stream is broken');
    opened.close();
  });
});
