import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { has } from '../support/peers.ts';
import { processesMarked } from '../support/processes.ts';
import { root } from '../support/root.ts';
import { Cell, LONG } from './support/cell.ts';
import { childOf, killInner } from './support/children.ts';
import type { Ledger } from './support/ledger.ts';

// Who is a task's process, and who only has its number; and what time it is.

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
const STRANGER = 'sleep 86422';
/** A first process that reaps what it inherits: a zombie would keep its number. */
const REAPER = 'while :; do sleep 1; done';
const ROUNDS = Number(process.env['RIMROCK_CHAOS_ROUNDS'] ?? (LONG ? 20 : 1));

describe.skipIf(!isRoot || !has('unshare') || !has('nsenter'))(
  'pids that are used again (needs root)',
  () => {
    let cell: Cell;
    let ledger: Ledger;
    /** The first process of a pid namespace: when it ends, all of them do. */
    let first: ChildProcess;
    let within: [string, ...string[]];

    beforeAll(async () => {
      cell = await Cell.make();
      await cell.master();
      ledger = cell.ledger();
      const env = { ...process.env, RIMROCK_TEST_SITE: cell.site.data };
      first = spawn('unshare', ['--pid', '--fork', '--mount-proc', 'sh', '-c', REAPER], {
        env,
        stdio: 'ignore',
      });
      const init = await eventually('the namespace', () => childOf(first.pid ?? 0));
      within = ['nsenter', '-t', String(init), '-p', '-m', `--wd=${root}`];
    });
    afterAll(() => cell.close());

    const strangers = (): number[] =>
      processesMarked(cell.site.data)
        .filter((p) => p.command === STRANGER)
        .map((p) => p.pid);

    it(
      `an agent neither takes a stranger for its task nor ends it, ${ROUNDS} times; the task is lost, once`,
      { timeout: 60_000 + ROUNDS * 60_000 },
      async () => {
        for (let round = 0; round < ROUNDS; round++) {
          const id = `t${round}`;
          let agent = await cell.agent('boxed', { 'agent.isolation': 'process' }, { through: within });
          await cell.registered('boxed');
          await ledger.launch([{ id, command: cell.forever() }], 'boxed');
          await ledger.reached([id], 'TASK_RUNNING');
          // as the agent wrote it down: the supervisor's number in there
          const journal = journalOf(join(cell.site.data, 'boxed/agent/meta/slaves'), id);
          const pid = Number(/"type":"FORKED".*?"pid":(\d+)/.exec(readFileSync(journal, 'utf8'))?.[1]);
          expect(pid).toBeGreaterThan(1);
          await killInner(agent);
          const ours = processesMarked(cell.site.data).filter((p) =>
            p.environment?.includes(`MESOS_TASK_ID=${id}\0`),
          );
          for (const p of ours.toSorted((a, b) => a.pid - b.pid)) process.kill(p.pid, 'SIGKILL');
          await eventually('its processes to be gone', () => cell.pids().every((p) => p.task !== id));
          // the next process in there gets that number
          const script = `for i in 1 2 3 4 5 6 7 8 9; do echo ${pid - 1} >/proc/sys/kernel/ns_last_pid; ${STRANGER} & [ $! = ${pid} ] && exit 0; kill $!; done; exit 1`;
          const [file, ...words] = [...within, 'sh', '-c', script];
          const env = { ...process.env, RIMROCK_TEST_SITE: cell.site.data };
          const made = spawn(file, words, { env, stdio: 'ignore', detached: true });
          const code = await new Promise((resolve) => made.once('exit', resolve));
          expect(code, 'a stranger with the number of the task').toBe(0);
          await eventually('the stranger to be itself', () => strangers().length === round + 1);
          const before = strangers();
          agent = await cell.agent('boxed', { 'agent.isolation': 'process' }, { through: within });
          await cell.registered('boxed');
          await ledger.reached([id], 'TASK_GONE');
          await ledger.kill(id);
          await killInner(agent);
          agent = await cell.agent('boxed', { 'agent.isolation': 'process' }, { through: within });
          await cell.registered('boxed');
          expect(strangers()).toEqual(before);
          expect(ledger.states(id)).toEqual(['TASK_STARTING', 'TASK_RUNNING', 'TASK_GONE']);
          expect(ledger.problems()).toEqual([]);
          await killInner(agent);
        }
      },
    );
  },
);

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

describe.skipIf(!isRoot || !existsSync(FAKETIME))('clocks that are set (needs libfaketime)', () => {
  let cell: Cell;
  let ledger: Ledger;
  const clocks: string[] = [];
  const tasks = ['a', 'b', 'c'];

  /** Words before a command that give it a clock of its own; `+3600` in its file sets it an hour forward. */
  const clock = (name: string): string[] => {
    const file = join(cell.site.data, `${name}.clock`);
    writeFileSync(file, '+0');
    clocks.push(file);
    const fake = { FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
    const set = Object.entries(fake).map(([key, value]) => `${key}=${value}`);
    return ['env', `LD_PRELOAD=${FAKETIME}`, ...set];
  };

  beforeAll(async () => {
    cell = await Cell.make();
    const pings = { 'master.pingIntervalSeconds': 0.5, 'master.maxPingTimeouts': 10 };
    await cell.master(pings, { through: clock('master') });
    ledger = cell.ledger();
    await cell.agent('timely', {}, { through: clock('agent') });
    const limited = { max_completion_time: { nanoseconds: 1_800e9 } };
    await ledger.launch(tasks.map((id) => ({ id, command: cell.forever(), more: limited })));
    await ledger.reached(tasks, 'TASK_RUNNING');
    await eventually('the shells to have become what they run', () => cell.pids().length === tasks.length);
  });
  afterAll(() => cell.close());

  it('an hour forward or back, on the master or on the agent, ends no task and loses no agent', async () => {
    const before = cell.processes();
    const heard = ledger.heard.length;
    let n = 0;
    for (const file of clocks)
      for (const offset of ['+3600', '+0', '-3600', '+0']) {
        writeFileSync(file, offset);
        // tasks that go the whole way, longer than the master waits for a ping
        const until = performance.now() + 1_500;
        do {
          const id = `brief-${n++}`;
          await ledger.launch([{ id, command: cell.brief(0) }], 'timely');
          await ledger.reached([id], 'TASK_FINISHED');
        } while (performance.now() < until);
      }
    expect(cell.processes()).toEqual(before);
    expect(ledger.failures).toEqual([]);
    expect(ledger.heard.slice(heard).filter((s) => tasks.includes(s.task_id.value))).toEqual([]);
    expect(ledger.subscriptions).toBe(1);
    // the clocks were set, or all of this says nothing
    const stamps = ledger.heard.slice(heard).map((s) => (s.timestamp ?? 0) - Date.now() / 1000);
    expect(Math.max(...stamps)).toBeGreaterThan(3_000);
    expect(Math.min(...stamps)).toBeLessThan(-3_000);
  });
});

function journalOf(folder: string, taskId: string): string {
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const found = all.find((path) => path.includes(`/executors/${taskId}/`) && path.endsWith('journal.jsonl'));
  if (found === undefined) throw new Error(`no journal of ${taskId} in ${folder}`);
  return join(folder, found);
}
