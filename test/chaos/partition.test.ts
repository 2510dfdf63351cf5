import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { Cell, LONG } from './support/cell.ts';
import type { Ledger } from './support/ledger.ts';
import { canPartition, Island } from './support/network.ts';

// An agent in a network of its own is cut off from its master: in both directions, and in one only.

const PING_S = 1;
const PINGS = 4;
const TIMEOUT_MS = PING_S * PINGS * 1_000;
const ROUNDS = Number(process.env['RIMROCK_CHAOS_ROUNDS'] ?? (LONG ? 20 : 1));
const WAYS = [['in', 'out'], ['in'], ['out']] as const;

describe.skipIf(!canPartition)('an agent that is cut off (needs root, ip and nft)', () => {
  let cell: Cell;
  let ledger: Ledger;
  let island: Island;
  const tasks = ['a', 'b', 'c'];

  beforeAll(async () => {
    island = new Island();
    cell = await Cell.make();
    await cell.master({
      'master.host': '0.0.0.0',
      'master.pingIntervalSeconds': PING_S,
      'master.maxPingTimeouts': PINGS,
    });
    ledger = cell.ledger();
    await cell.agent(
      'island',
      {
        'agent.host': island.inside,
        'agent.master': `${island.outside}:${cell.site.ports.master}`,
        'agent.statusRetrySeconds': 1,
      },
      { through: island.within },
    );
    await ledger.launch(tasks.map((id) => ({ id, command: cell.forever() })));
    await ledger.reached(tasks, 'TASK_RUNNING');
    await eventually('the shells to have become what they run', () => cell.pids().length === tasks.length);
  });
  afterAll(async () => {
    await cell?.close();
    island?.close();
  });

  it.each(WAYS.flatMap((ways) => Array.from({ length: ROUNDS }, () => [ways.join(' and '), ways] as const)))(
    'for less than the timeout (%s): nothing happens',
    async (_, ways) => {
      const before = cell.processes();
      await cell.registered('island');
      const [heard, failures] = [ledger.heard.length, ledger.failures.length];
      island.cut(ways);
      await pause(TIMEOUT_MS * 0.35); // the length of the partition
      island.mend();
      // a task that goes the whole way and back proves that they speak again
      const id = `after-${heard}`;
      await ledger.launch([{ id, command: cell.brief(0) }], 'island');
      await ledger.reached([id], 'TASK_FINISHED');
      expect(ledger.failures.length).toBe(failures);
      expect(ledger.heard.slice(heard).filter((s) => s.task_id.value !== id)).toEqual([]);
      expect(cell.processes()).toEqual(before);
    },
  );

  it.each(WAYS.flatMap((ways) => Array.from({ length: ROUNDS }, () => [ways.join(' and '), ways] as const)))(
    'for longer (%s): tasks are unreachable, and the same processes are back when it is mended',
    async (_, ways) => {
      const before = cell.processes();
      expect(before).toHaveLength(tasks.length);
      const [heard, failures] = [ledger.heard.length, ledger.failures.length];
      const since = (state: string): string[] =>
        ledger.heard
          .slice(heard)
          .filter((s) => s.state === state)
          .map((s) => `${s.task_id.value} ${s.reason ?? ''}`)
          .sort();
      island.cut(ways);
      await eventually('all to be unreachable', () => since('TASK_UNREACHABLE').length === tasks.length, {
        timeoutMs: 60_000,
      });
      expect(ledger.failures.length).toBe(failures + 1);
      expect((await cell.state()).slaves).toEqual([]);
      expect(cell.processes()).toEqual(before);
      island.mend();
      await eventually('all to be back', () => since('TASK_RUNNING').length >= tasks.length, {
        timeoutMs: 60_000,
      });
      expect(since('TASK_RUNNING')).toEqual(tasks.map((id) => `${id} REASON_AGENT_REREGISTERED`));
      expect(cell.processes()).toEqual(before);
      expect(cell.twice()).toEqual([]);
      // and it works
      const id = `long-${heard}`;
      await ledger.launch([{ id, command: cell.brief(0) }], 'island');
      await ledger.reached([id], 'TASK_FINISHED');
    },
  );
});
