import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import { eventually } from '../support/eventually.ts';
import { canSeeProcesses } from '../support/processes.ts';
import { Cell, LONG } from './support/cell.ts';
import type { Ledger } from './support/ledger.ts';
import { MessageRelay } from './support/message-relay.ts';

// Between agent and master, and between framework and master, messages come late, in another order, and twice.

const ROUNDS = Number(process.env['RIMROCK_CHAOS_ROUNDS'] ?? (LONG ? 40 : 3));
const TASKS = 6;
const DELAY_MS = LONG ? 2_000 : 400;
const SEED = Number(process.env['RIMROCK_SEED'] ?? Date.now() % 1_000_000);

describe.skipIf(!canSeeProcesses)('messages that are doubled, reordered and delayed (needs /proc)', () => {
  let cell: Cell;
  let ledger: Ledger;
  let ofAgent: MessageRelay;
  let ofFramework: MessageRelay;

  beforeAll(async () => {
    cell = await Cell.make();
    await cell.master();
    const faults = { doubledPercent: 30, delayMs: DELAY_MS };
    ofAgent = await MessageRelay.start(cell.site.ports.master, { ...faults, random: seededRandom(SEED) });
    ofFramework = await MessageRelay.start(cell.site.ports.master, {
      ...faults,
      random: seededRandom(SEED + 1),
    });
    // a start waits only so long for the master
    ofAgent.faulty = false;
    await cell.agent('agent', { 'agent.master': ofAgent.address });
    ofAgent.faulty = true;
    ledger = cell.ledger(ofFramework.address);
  });
  afterAll(async () => {
    await cell.close();
    await ofAgent.close();
    await ofFramework.close();
  });

  it(
    `${ROUNDS * TASKS} tasks, up to ${DELAY_MS} ms late: one process for each id, and no end is taken back (seed ${SEED})`,
    { timeout: 60_000 + ROUNDS * 60_000 },
    async () => {
      const kept: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const ids = Array.from({ length: TASKS }, (_, i) => `t${round}-${i}`);
        // a third ends by itself, a third is killed, a third goes on
        const command = (i: number): string => (i % 3 === 0 ? cell.brief(0) : cell.forever());
        await ledger.launch(
          ids.map((id, i) => ({ id, command: command(i) })),
          'agent',
        );
        const killed = ids.filter((_, i) => i % 3 === 1);
        await Promise.all(killed.map((id) => ledger.kill(id)));
        const ends = ids.filter((_, i) => i % 3 !== 2);
        // an order that is lost, and a kill before its launch, are the framework's to repeat
        await eventually(
          'the ends',
          async () => {
            const open = ends.filter((id) => !ledger.ended(id));
            await Promise.all(open.filter((id) => killed.includes(id)).map((id) => ledger.kill(id)));
            return open.map((id) => `${id} ${ledger.states(id).join()}`);
          },
          { timeoutMs: 60_000, everyMs: 500, accept: (open) => open.length === 0 },
        );
        kept.push(...ids.filter((_, i) => i % 3 === 2));
        expect(cell.twice()).toEqual([]);
      }
      await ledger.reached(kept, 'TASK_RUNNING');
      // what was told late is still on its way: nothing of it may bring back what is over
      ofAgent.faulty = ofFramework.faulty = false;
      await eventually('all that runs to be what is kept', async () => (await cell.running()).join(), {
        timeoutMs: 30_000,
        accept: (seen) => seen === kept.toSorted().join(),
      });
      expect(cell.twice()).toEqual([]);
      expect(ledger.problems()).toEqual([]);
      expect(
        cell
          .pids()
          .map(({ task }) => task)
          .sort(),
      ).toEqual(kept.toSorted());
      const [a, f] = [ofAgent.counts, ofFramework.counts];
      console.log(`seed ${SEED}: agent ${JSON.stringify(a)}, framework ${JSON.stringify(f)}`);
      for (const { doubled, calls, longestDelayMs } of [a, f]) {
        expect(doubled).toBeGreaterThan(ROUNDS * TASKS * 0.2);
        expect(calls).toBeGreaterThan(ROUNDS * TASKS);
        expect(longestDelayMs).toBeGreaterThan(DELAY_MS * 0.8);
      }
    },
  );
});
