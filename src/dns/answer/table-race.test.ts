import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { DnsCounters } from '../metrics.ts';
import { CONTROL, TableReader, TableWriter } from '../table/index.ts';
import {
  PASSING,
  SERVICES,
  STEADY,
  ZONE,
  addressOf,
  aliasName,
  passingName,
  serviceName,
  serviceOf,
  sizeOf,
  steadyName,
  targetName,
} from '../testing/table-race.ts';
import type { RaceResult, RaceSetup } from '../testing/table-race.ts';
import { TYPE, nameBytes, soaRdata } from '../wire/index.ts';

const READERS = 2;
const FUZZ_RUNS = Number(process.env['RIMROCK_FUZZ_RUNS'] ?? 50_000);
const ROUNDS = Math.ceil((30 * FUZZ_RUNS) / 50_000);
const MIB = 24;
/** Steps until the epoch is that of no reader again, and until it is negative. */
const EPOCHS = [-300, 0x7fffffff - 300];

const wire = (name: string): Uint8Array => nameBytes(name) ?? new Uint8Array(1);

/** Changes everything all the time. */
class Churn {
  readonly memory = new SharedArrayBuffer(MIB * 1024 * 1024);
  readonly writer: TableWriter;
  readonly #random = seededRandom(7);
  readonly #generations = new Map<string, number>();
  #serial = 1;

  constructor(epoch: number) {
    new Int32Array(this.memory)[CONTROL.EPOCH] = epoch;
    this.writer = new TableWriter(this.memory, 0x5eed, [wire(ZONE)]);
    for (let i = 0; i < STEADY; i++) {
      this.renew(steadyName(i), i, TYPE.A);
      this.#add(aliasName(i), TYPE.CNAME, wire(steadyName(i)));
    }
    for (let i = 0; i < SERVICES; i++) this.renew(serviceName(i), i, TYPE.SRV);
    this.commit();
    this.writer.setReady(true);
  }

  commit(): void {
    const [mname, rname] = ['ns.z.', 'root.z.'];
    const times = { refresh: 1, retry: 1, expire: 1, minimum: 1 };
    const data = soaRdata({ mname, rname, serial: this.#serial++, ...times });
    if (data) this.writer.replace(wire(ZONE), wire(ZONE).length, TYPE.SOA, 60, data);
    this.writer.commit();
  }

  #add(name: string, type: number, data: Uint8Array): void {
    const n = wire(name);
    this.writer.add(n, n.length, type, 60, data);
  }

  #remove(name: string, type: number, data: Uint8Array): void {
    const n = wire(name);
    this.writer.remove(n, n.length, type, data);
  }

  /** The next generation in the place of the one before. */
  renew(name: string, i: number, type: number): void {
    const key = `${name} ${type}`;
    const before = this.#generations.get(key);
    const next = ((before ?? -1) + 1) & 0xff;
    const dataOf = type === TYPE.SRV ? serviceOf : addressOf;
    if (type === TYPE.SRV) this.#add(targetName(i, next), TYPE.A, addressOf(i, next & 7, 0));
    for (let k = 0; k < sizeOf(i, next); k++) this.#add(name, type, dataOf(i, next, k));
    this.#generations.set(key, next);
    if (before === undefined) return;
    this.#takeBack(name, i, type, before);
  }

  #takeBack(name: string, i: number, type: number, g: number): void {
    const dataOf = type === TYPE.SRV ? serviceOf : addressOf;
    for (let k = 0; k < sizeOf(i, g); k++) this.#remove(name, type, dataOf(i, g, k));
    if (type === TYPE.SRV) this.#remove(targetName(i, g), TYPE.A, addressOf(i, g & 7, 0));
  }

  drop(name: string, i: number): void {
    const key = `${name} ${TYPE.A}`;
    const g = this.#generations.get(key);
    this.#generations.delete(key);
    if (g !== undefined) this.#takeBack(name, i, TYPE.A, g);
  }

  round(round: number): void {
    for (let n = 0; n < 20; n++) {
      const i = this.#random.int(STEADY);
      this.renew(steadyName(i), i, TYPE.A);
      const s = this.#random.int(SERVICES);
      this.renew(serviceName(s), s, TYPE.SRV);
      if (n % 4 === 0) this.commit();
    }
    // All names come, in a few rounds, and go again: the slots are laid out anew on the way.
    const from = (round % 10) * (PASSING / 5);
    for (let i = from % PASSING; i < (from % PASSING) + PASSING / 5; i++) {
      if (from < PASSING) this.renew(passingName(i), i, TYPE.A);
      else this.drop(passingName(i), i);
      if (i % 64 === 0) this.commit();
    }
    this.commit();
  }
}

async function race(churn: Churn): Promise<RaceResult[]> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const counters = new DnsCounters(READERS + 1).shared;
  const script = new URL('../testing/table-race-worker.ts', import.meta.url);
  const workers = Array.from({ length: READERS }, (_, i) => {
    const workerData: RaceSetup = { memory: churn.memory, counters, reader: i + 1, gate };
    return new Worker(script, { workerData });
  });
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  for (let round = 0; round < ROUNDS; round++) churn.round(round);
  const results = workers.map((worker) => once(worker, 'message'));
  Atomics.store(gate, 0, 1);
  return (await Promise.all(results)).map(([result]) => result as RaceResult);
}

describe('threads that answer while everything changes', () => {
  it.each(EPOCHS)(
    'never see a record that was not there, nor miss one that was (epoch %d)',
    async (epoch) => {
      const churn = new Churn(epoch);
      const slots = (): number => Atomics.load(new Int32Array(churn.memory), CONTROL.SLOTS);
      const firstSlots = slots();
      const results = await race(churn);
      expect(results.flatMap((r) => r.problems)).toEqual([]);
      for (const { asked, found, gone } of results) {
        expect(asked).toBeGreaterThan(1_000);
        expect(found).toBeGreaterThan(500);
        expect(gone).toBeGreaterThan(50);
      }
      expect(slots()).not.toBe(firstSlots);
      // Nothing leaks, whatever was held back while readers looked: one more cycle needs no more memory.
      const touched = churn.writer.touchedBytes;
      for (let round = 0; round < 20; round++) churn.round(round);
      expect(churn.writer.touchedBytes).toBeLessThanOrEqual(touched * 1.05);
      expect(new TableReader(churn.memory, 1).words[CONTROL.EPOCH]).not.toBe(0);
    },
  );
});
