import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { TaskState, TaskStatus } from '../../mesos/index.ts';
import type { JournalRecord } from '../checkpoint/records.ts';
import { settle } from '../testing/task-context.ts';
import { StatusUpdates } from './status-updates.ts';

const status = (uuid: string, state: TaskState = 'TASK_RUNNING'): TaskStatus => ({
  task_id: { value: 't' },
  state,
  uuid,
});

function queue(records: JournalRecord[] = []) {
  const clock = new FakeClock();
  const sent: string[] = [];
  const latest: TaskState[] = [];
  let closed = 0;
  const updates = new StatusUpdates({
    clock,
    retry: { firstMs: 10_000, maxMs: 600_000 },
    journal: { append: async (r) => void records.push(r) },
    send: (s, l) => {
      sent.push(s.uuid ?? '');
      latest.push(l);
    },
    onClosed: () => closed++,
  });
  return { clock, sent, latest, updates, closed: () => closed };
}

describe('status updates', () => {
  it('keeps one in flight; the next goes when the head is acknowledged', async () => {
    const q = queue();
    q.updates.resume();
    await q.updates.update(status('a', 'TASK_STARTING'));
    await q.updates.update(status('b'));
    expect(q.sent).toEqual(['a']);
    await q.updates.ack('b');
    expect(q.sent).toEqual(['a']);
    await q.updates.ack('a');
    expect(q.sent).toEqual(['a', 'b']);
    await q.updates.ack('a');
    expect(q.sent).toEqual(['a', 'b']);
  });

  it('repeats the head after 10 s, doubling to 10 min, and afresh after a new registration', async () => {
    const q = queue();
    q.updates.resume();
    await q.updates.update(status('a'));
    const at: number[] = [];
    const start = q.clock.now();
    for (let seen = 1; q.clock.now() - start < 3_000_000; q.clock.advance(1000)) {
      if (q.sent.length > seen) at.push((q.clock.now() - start) / 1000);
      seen = q.sent.length;
    }
    expect(at).toEqual([10, 30, 70, 150, 310, 630, 1230, 1830, 2430]);
    q.updates.pause();
    const before = q.sent.length;
    q.clock.advance(10_000_000);
    expect(q.sent.length).toBe(before);
    q.updates.resume();
    expect(q.sent.length).toBe(before + 1);
    q.clock.advance(10_000);
    expect(q.sent.length).toBe(before + 2);
  });

  it('drops duplicates and what follows a terminal status; closes with its acknowledgement', async () => {
    const q = queue();
    q.updates.resume();
    await q.updates.update(status('a', 'TASK_FINISHED'));
    await q.updates.update(status('a', 'TASK_FINISHED'));
    await q.updates.update(status('b', 'TASK_RUNNING'));
    expect(q.updates.all.length).toBe(1);
    await q.updates.ack('a');
    expect([q.updates.closed, q.closed(), q.clock.pending]).toEqual([true, 1, 0]);
  });

  it('tells the latest state with an older head', async () => {
    const q = queue();
    q.updates.resume();
    await q.updates.update(status('a', 'TASK_RUNNING'));
    await q.updates.update(status('b', 'TASK_FAILED'));
    q.clock.advance(10_000);
    expect(q.sent).toEqual(['a', 'a']);
    expect(q.latest).toEqual(['TASK_RUNNING', 'TASK_FAILED']);
  });

  it('writes each fact before it acts on it', async () => {
    const order: string[] = [];
    let release: () => void = () => {};
    const updates = new StatusUpdates({
      clock: new FakeClock(),
      retry: { firstMs: 1, maxMs: 1 },
      journal: {
        append: (r) => {
          order.push(`write ${r.type}`);
          return new Promise((resolve) => {
            release = resolve;
          });
        },
      },
      send: () => order.push('send'),
      onClosed: () => order.push('closed'),
    });
    updates.resume();
    const update = updates.update(status('a', 'TASK_FINISHED'));
    await settle();
    expect(order).toEqual(['write UPDATE']);
    release();
    await update;
    const ack = updates.ack('a');
    await settle();
    expect(order).toEqual(['write UPDATE', 'send', 'write ACK']);
    release();
    await ack;
    expect(order.at(-1)).toBe('closed');
  });

  it('a journal gives back the queue it was written from, wherever it is cut', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('update' as const) }),
      fc.record({ kind: fc.constant('ack' as const), right: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), fc.nat(30), async (steps, cut) => {
        const records: JournalRecord[] = [];
        const q = queue(records);
        q.updates.resume();
        let n = 0;
        for (const s of steps) {
          if (s.kind === 'update') await q.updates.update(status(`u${n++}`));
          else await q.updates.ack(s.right ? (q.sent.at(-1) ?? '') : 'stray');
        }
        const kept = records.slice(0, cut);
        const again = queue();
        again.updates.replay(kept);
        again.updates.resume();
        const acked = kept.filter((r) => r.type === 'ACK').length;
        const told = kept.flatMap((r) => (r.type === 'UPDATE' ? [r.status.uuid] : []));
        expect(again.updates.all.map((s) => s.uuid)).toEqual(told);
        expect(again.sent).toEqual(told.slice(acked, acked + 1));
      }),
      { numRuns: 300 },
    );
  });
});
