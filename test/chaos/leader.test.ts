import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import { RecordDecoder } from '../../src/mesos/index.ts';
import { hasConsul } from '../support/consul.ts';
import { eventually, pause } from '../support/eventually.ts';
import { ManyMasters } from '../support/many-masters.ts';
import type { CabledMaster } from '../support/many-masters.ts';
import { Marathon } from '../support/marathon.ts';
import { canSeeProcesses, processesMarked } from '../support/processes.ts';
import { SetHistory } from '../support/set-history.ts';

// Leaders are killed, stopped for a while and cut off from Consul, while clients register agents with every master and ask every
// master for them. RIMROCK_LEADER_ROUNDS=n is how often; RIMROCK_SEED=n repeats a long run.

const rounds = Number(process.env['RIMROCK_LEADER_ROUNDS'] ?? 3);
const seed = Number(process.env['RIMROCK_SEED'] ?? Math.floor(Math.random() * 1e9));
/** A cluster sees so many rounds: with every round there are more agents in each answer. */
const ROUNDS_OF_A_CLUSTER = 20;
const BACK_WITHIN_MS = 10_000;
const TASKS = 3;

type Fault = 'kill -9' | 'pause' | 'partition';
const FAULTS: readonly Fault[] = ['kill -9', 'pause', 'partition'];

/** Ask all masters, without following where they send us; a master that does not lead gives no answer here. */
class Clients {
  readonly history = new SetHistory();
  readonly #all: ManyMasters;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[];
  #count = 0;

  constructor(all: ManyMasters) {
    this.#all = all;
    const numbers = all.masters.map((_, i) => i);
    this.#running = numbers.flatMap((i) => [
      this.#loop(250, () => this.#add(i)),
      this.#loop(100, () => this.#read(i)),
    ]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  /** A write that was begun after that time has been acknowledged. */
  accepted(sinceMs: number): boolean {
    return (this.history.added.at(-1)?.fromMs ?? 0) > sinceMs;
  }

  /** The longest time without an acknowledged write, milliseconds, from one moment to another. */
  longestGap(fromMs: number, toMs: number): number {
    const acknowledged = this.history.added.map((a) => a.toMs).filter((ms) => ms > fromMs && ms < toMs);
    const moments = [fromMs, ...acknowledged.sort((a, b) => a - b), toMs];
    return Math.max(...moments.slice(1).map((ms, i) => ms - (moments[i] ?? 0)));
  }

  async #loop(everyMs: number, f: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await f().catch(() => {}); // nobody there, or no answer in time
      await pause(everyMs);
    }
  }

  #ask(i: number, path: string, init: RequestInit = {}): Promise<Response> {
    // Longer than any pause: what a master says when it goes on is what matters.
    const signal = AbortSignal.timeout(60_000);
    return fetch(`${this.#all.masters[i]?.url}${path}`, { redirect: 'manual', signal, ...init });
  }

  async #add(i: number): Promise<void> {
    // An address of its own: whoever comes from that of another takes its place.
    const port = ++this.#count;
    const element = `fake-${port}`;
    const fromMs = performance.now();
    const response = await this.#ask(i, '/api/v1/agent', {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({
        type: 'SUBSCRIBE',
        subscribe: {
          agent_info: { hostname: element, port, resources: [], attributes: [] },
          address: { ip: '127.0.0.2', port },
          version: '1.11.0',
          capabilities: [{ type: 'MULTI_ROLE' }],
          frameworks: [],
          tasks: [],
        },
      }),
    });
    if (response.status !== 200) return void (await response.text());
    const decoder = new RecordDecoder();
    for await (const bytes of response.body ?? []) {
      const [record] = decoder.push(bytes as Uint8Array);
      if (!record) continue;
      const event = JSON.parse(new TextDecoder().decode(record)) as {
        subscribed: { agent_id: { value: string } };
      };
      const toMs = performance.now();
      const reign = event.subscribed.agent_id.value.replace(/-S\d+$/, '');
      this.history.added.push({ element, reign, fromMs, toMs });
      return; // which closes the stream
    }
  }

  async #read(i: number): Promise<void> {
    const fromMs = performance.now();
    const response = await this.#ask(i, '/master/state');
    const text = await response.text();
    const toMs = performance.now();
    if (response.status !== 200) return;
    const state = JSON.parse(text) as { id: string; slaves: Named[]; recovered_slaves: Named[] };
    const names = [...state.slaves, ...state.recovered_slaves].map((s) => s.hostname);
    this.history.seen.push({ reign: state.id, fromMs, toMs, elements: new Set(names) });
  }
}

interface Named {
  readonly hostname: string;
}

async function strike(all: ManyMasters, fault: Fault, leader: CabledMaster, forMs: number): Promise<void> {
  if (fault === 'kill -9') {
    await all.kill9(leader);
    await pause(forMs);
    all.launchAgain(leader);
  } else if (fault === 'pause') {
    leader.process.kill('SIGSTOP');
    await pause(forMs);
    leader.process.kill('SIGCONT');
  } else {
    leader.cable.cut();
    await pause(forMs);
    leader.cable.mend();
  }
}

/** An operator stream of a master, which ends when that leads no more. */
async function operatorStream(leader: CabledMaster): Promise<{ readonly ended: () => boolean }> {
  const response = await fetch(`${leader.url}/api/v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'SUBSCRIBE' }),
  });
  let ended = false;
  void response.text().then(
    () => (ended = true),
    () => (ended = true),
  );
  return { ended: () => ended };
}

describe.skipIf(!hasConsul || !canSeeProcesses)('masters on Consul (needs consul and /proc)', () => {
  let all: ManyMasters;
  let marathon: Marathon;
  let before: string[] = [];

  const taskPids = (): string[] =>
    processesMarked(all.folder)
      .filter((p) => p.command === 'sleep 86400')
      .map((p) => String(p.pid))
      .sort();

  /** Whoever leads has the agent and its tasks, and Marathon. */
  const allFollow = async (): Promise<void> => {
    await eventually(
      'the agent, its tasks and Marathon to be with the leader',
      async () => {
        const leader = await all.leader();
        const answer = await fetch(`${leader.url}/master/state`, { redirect: 'manual' });
        const state = (await answer.json()) as {
          slaves: { hostname: string; active: boolean }[];
          frameworks: { connected: boolean; tasks: { state: string }[] }[];
        };
        const tasks = state.frameworks.flatMap((f) => (f.connected ? f.tasks : []));
        const running = tasks.filter((t) => t.state === 'TASK_RUNNING').length;
        const worker = state.slaves.some((s) => s.hostname === 'worker' && s.active);
        return worker && running === TASKS ? true : `${worker} ${running}`;
      },
      { timeoutMs: 60_000, everyMs: 100, accept: (seen) => seen === true },
    );
  };

  const clusters = Array.from({ length: Math.ceil(rounds / ROUNDS_OF_A_CLUSTER) }, (_, i) => i);
  describe.each(clusters)('cluster %i', (cluster) => {
    beforeAll(async () => {
      all = await ManyMasters.start(3);
      marathon = new Marathon(all.marathonPort);
      await eventually('Marathon to take an app', () => marathon.deploy('POST', '/apps', app), {
        timeoutMs: 60_000,
        accept: () => true,
      });
      await marathon.settled(60_000);
      await allFollow();
      await eventually('the shells to have become what they run', () => taskPids().length === TASKS);
      before = taskPids();
    });
    afterAll(() => all?.close());

    const app = { id: '/sleep', cmd: 'exec sleep 86400', cpus: 0.1, mem: 16, instances: TASKS };
    const here = Math.min(ROUNDS_OF_A_CLUSTER, rounds - cluster * ROUNDS_OF_A_CLUSTER);

    it(
      `has one leader at a time, who knows all that was acknowledged, over ${here} faults (seed ${seed})`,
      { timeout: 60_000 + here * 180_000 },
      async () => {
        const random = seededRandom(seed + cluster);
        const clients = new Clients(all);
        const awayMs: number[] = [];
        try {
          await eventually('a first write', () => clients.accepted(0));
          for (let round = 0; round < here; round++) {
            const fault = FAULTS[round % FAULTS.length] ?? 'pause';
            // Long enough in the short run that there must be another leader; from 1 to 40 s in the long one.
            const forMs = rounds <= FAULTS.length ? 9_000 : 1_000 + random.int(39_000);
            const leader = await all.leader();
            const operator = await operatorStream(leader);
            const beganMs = performance.now();
            const striking = strike(all, fault, leader, forMs);
            await striking;
            if (forMs >= 9_000)
              await eventually('its operator stream to end', operator.ended, { timeoutMs: 30_000 });
            await allFollow();
            await eventually('a write after the fault', () => clients.accepted(performance.now() - 1_000));
            awayMs.push(clients.longestGap(beganMs, performance.now()));
          }
        } finally {
          await clients.stop();
        }
        const { history } = clients;
        const reigns = new Set([...history.added, ...history.seen].map((a) => a.reign));
        console.log(
          `${here} faults, ${reigns.size} reigns, ${history.added.length} writes, ${history.seen.length} reads; without a leader for ${awayMs.map((ms) => (ms / 1000).toFixed(1)).join(' ')} s`,
        );
        expect(history.problems().slice(0, 10), all.output).toEqual([]);
        expect(history.added.length).toBeGreaterThan(here * 5);
        expect(Math.max(...awayMs)).toBeLessThan(BACK_WITHIN_MS);
        if (rounds <= FAULTS.length) expect(reigns.size).toBeGreaterThan(here);
        expect(taskPids()).toEqual(before);
        expect(before).toHaveLength(TASKS);
      },
    );
  });
});
