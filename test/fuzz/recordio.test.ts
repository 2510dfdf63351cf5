import { expect, it } from 'vitest';
import { seededRandom } from '../../src/core/random.ts';
import { encodeRecord, RecordDecoder } from '../../src/mesos/index.ts';

const RUNS = Number(process.env['RIMROCK_FUZZ_RUNS'] ?? 50_000);
const SEED = Number(process.env['RIMROCK_FUZZ_SEED'] ?? 20261122);
const SLOWEST_MS = 5;

const seeds: readonly Uint8Array[] = [
  encodeRecord({ type: 'HEARTBEAT' }),
  encodeRecord({ type: 'SUBSCRIBED', subscribed: { heartbeat_interval_seconds: 15 } }),
  Buffer.concat([encodeRecord({ a: 1 }), encodeRecord([1, 2, 3]), encodeRecord('ü')]),
  new TextEncoder().encode('5\nhello7\n{"a":1}'),
  new TextEncoder().encode('4294967296\n'),
];

/** Time one decode; the machine is shared, so an input counts as slow only when it is slow three times. */
function slow(bytes: Uint8Array): boolean {
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    new RecordDecoder(1 << 20).push(bytes);
    if (performance.now() - start <= SLOWEST_MS) return false;
  }
  return true;
}

it(`survives ${RUNS} mutated streams (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let run = 0; run < RUNS; run++) {
    const bytes = Uint8Array.from(seeds[random.int(seeds.length)] ?? []);
    for (let m = random.int(6); m >= 0; m--) bytes[random.int(bytes.length)] = random.int(256);
    const whole = new RecordDecoder(1 << 20);
    const records = whole.push(bytes);
    const split = new RecordDecoder(1 << 20);
    const cut = random.int(bytes.length + 1);
    const again = [...split.push(bytes.subarray(0, cut)), ...split.push(bytes.subarray(cut))];
    if (again.length !== records.length || split.error !== whole.error || split.idle !== whole.idle) {
      expect.fail(
        `run ${run}: cutting at ${cut} changes the result of ${Buffer.from(bytes).toString('hex')}`,
      );
    }
    if (slow(bytes)) expect.fail(`run ${run}: slow input ${Buffer.from(bytes).toString('hex')}`);
  }
});
