import fc from 'fast-check';
import { expect, it } from 'vitest';
import { examineCall } from '../../src/core/http/v1-calls.ts';
import type { CallReader, MediaType } from '../../src/core/http/v1-calls.ts';
import type { ApiRequest } from '../../src/core/http/server.ts';
import { seededRandom } from '../../src/core/random.ts';
import { EXECUTOR_CALLS } from '../../src/agent/executors/call.ts';
import { OPERATOR_CALLS } from '../../src/agent/api/operator-call.ts';
import { OPERATOR_READER } from '../../src/master/http/operator-api.ts';
import { SCHEDULER_READER } from '../../src/master/http/scheduler-api.ts';
import { encodeDocument } from '../../src/mesos/proto/index.ts';
import { messageType } from '../../src/mesos/proto/schema.ts';
import { documentOf } from '../support/protobuf-documents.ts';

type Json = Readonly<Record<string, unknown>>;

const RUNS = Number(process.env['RIMROCK_FUZZ_RUNS'] ?? 50_000);
const SEED = Number(process.env['RIMROCK_FUZZ_SEED'] ?? 20261122);
const SLOWEST_MS = 20;

const APIS: readonly (readonly [string, CallReader])[] = [
  ['scheduler.Call', SCHEDULER_READER],
  ['executor.Call', EXECUTOR_CALLS],
  ['master.Call', OPERATOR_READER],
  ['agent.Call', OPERATOR_CALLS],
];

const seeds = APIS.map(([message, api]) => ({
  api,
  bodies: fc
    .sample(documentOf(message), { numRuns: 200, seed: SEED })
    .map((json) => encodeDocument('application/x-protobuf', message, json)),
}));

/** The request of a client that sends this. */
const post = (body: Buffer, type: MediaType = 'application/x-protobuf'): ApiRequest =>
  ({ method: 'POST', headers: { 'content-type': type }, body }) as unknown as ApiRequest;

/** Time one call; the machine is shared, so a body counts as slow only when it is slow three times. */
function slow(api: CallReader, body: Buffer): boolean {
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    examineCall(post(body), api);
    if (performance.now() - start <= SLOWEST_MS) return false;
  }
  return true;
}

it(`calls in ${RUNS} mutated bodies are read or refused (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const prototype = Object.getOwnPropertyNames(Object.prototype).join();
  const answers = new Map<number, number>();
  for (let run = 0; run < RUNS; run++) {
    const { api, bodies } = seeds[random.int(seeds.length)]!;
    const body = Buffer.from(bodies[random.int(bodies.length)]!);
    for (let m = random.int(6); m > 0 && body.length > 0; m--)
      body[random.int(body.length)] = random.int(256);
    const cut = random.int(4) === 0 ? body.subarray(0, random.int(body.length + 1)) : body;
    const read = examineCall(post(cut), api);
    const status = 'call' in read ? 200 : read.status;
    answers.set(status, (answers.get(status) ?? 0) + 1);
    if (status !== 200 && status !== 400) expect.fail(`run ${run}: ${status} for ${cut.toString('hex')}`);
    if (slow(api, cut)) expect.fail(`run ${run}: slow body ${cut.toString('hex')}`);
  }
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(prototype);
  expect(new Set(answers.keys())).toEqual(new Set([200, 400]));
  expect(Math.min(...answers.values())).toBeGreaterThan(RUNS / 100);
});

/** A call with the payload that its type asks for, in numbers that JSON has too. */
function callOf(message: string): fc.Arbitrary<Json> {
  const payloads = messageType(message).fields.filter(
    ({ name, kind }) => kind === 'message' && !name.endsWith('_id'),
  );
  const ids = fc.record({ framework_id: documentOf('FrameworkID'), executor_id: documentOf('ExecutorID') });
  const finite = (_key: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isFinite(value) ? 1 : value;
  return fc
    .constantFrom(...payloads)
    .chain(({ name, message: { name: of } }) =>
      fc
        .tuple(ids, documentOf(of))
        .map(([known, payload]) => ({ ...known, type: name.toUpperCase(), [name]: payload })),
    )
    .map((json) => JSON.parse(JSON.stringify(json, finite)) as Json);
}

it.each(APIS)('a %s is judged in protobuf as it is in JSON', (message, api) => {
  let accepted = 0;
  fc.assert(
    fc.property(callOf(message), (json) => {
      const ask = (type: MediaType) => {
        const body = Buffer.from(encodeDocument(type, message, json));
        return examineCall(post(body, type), api);
      };
      const [inJson, inProtobuf] = [ask('application/json'), ask('application/x-protobuf')];
      if ('call' in inJson) accepted++;
      expect(inProtobuf).toEqual(inJson);
    }),
    { numRuns: 1000 },
  );
  expect(accepted).toBeGreaterThan(100);
});
