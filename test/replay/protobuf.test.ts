import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeProtobuf, encodeDocument } from '../../src/mesos/proto/index.ts';

// The same answers and events, recorded from Apache Mesos in both forms: they must say the same to us, and what we make of
// the one must be the other.

type Json = Readonly<Record<string, unknown>>;
const lines = <T>(file: string): T[] =>
  readFileSync(new URL(`../fixtures/golden-protobuf/${file}`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
const ANSWERS = lines<{ name: string; call: string; protobuf: string; json: Json }>('answers.jsonl');
const EVENTS = lines<{ protobuf: string; json: Json }>('operator-stream.jsonl');
const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');
const encode = (message: string, json: unknown): Buffer =>
  Buffer.from(encodeDocument('application/x-protobuf', message, json));

/** What Mesos writes into JSON although nobody set it: defaults of fields, and lists that are written by hand. */
const UNSAID = new Map<string, unknown>([
  ['failover_timeout', 0],
  ['checkpoint', false],
  ['deactivated', false],
  ['shell', true],
  ['type', 'VALUE'],
  ['port', 5051],
  ['network', 'HOST'],
  ['privileged', false],
  ['protocol', 'IPv4'],
]);

/** Where they differ; `checkpoint` of agents is no field of the v1 API, and comes along from inside of Mesos. Numbers that were counted meanwhile are not compared. */
function differences(binary: unknown, json: unknown, path = ''): string[] {
  if (path.includes('.metrics[') && path.endsWith('.value')) return [];
  if (typeof binary !== 'object' || binary === null || typeof json !== 'object' || json === null)
    return Object.is(binary, json) ? [] : [`${path}: ${String(binary)} / ${String(json)}`];
  const [left, right] = [binary as Json, json as Json];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((key) => {
    const at = Array.isArray(binary) ? `${path}[${key}]` : `${path}.${key}`;
    const [b, j] = [left[key], right[key]];
    if (at.endsWith('agent_info.checkpoint')) return [];
    if (b === undefined && (UNSAID.get(key) === j || (Array.isArray(j) && j.length === 0))) return [];
    return differences(b, j, at);
  });
}

describe('recorded in both forms', () => {
  it.each(ANSWERS)('$name', ({ name, call, protobuf, json }) => {
    expect(decodeProtobuf('master.Call', bytes(call))).toMatchObject({ type: name });
    const read = decodeProtobuf('master.Response', bytes(protobuf));
    expect(byName(read)).toBeDefined();
    expect(differences(byName(read), byName(json))).toEqual([]);
    if (!hasAgents(read)) expect(encode('master.Response', read).toString('base64')).toBe(protobuf);
    const own = decodeProtobuf('master.Response', encode('master.Response', json));
    expect(differences(own, json)).toEqual([]);
  });

  it(`${EVENTS.length} events of the operator stream`, () => {
    expect(EVENTS.length).toBeGreaterThan(100);
    for (const { protobuf, json } of EVENTS) {
      const read = decodeProtobuf('master.Event', bytes(protobuf));
      expect(differences(read, json)).toEqual([]);
      if (!hasAgents(read)) expect(encode('master.Event', read).toString('base64')).toBe(protobuf);
      expect(differences(decodeProtobuf('master.Event', encode('master.Event', json)), json)).toEqual([]);
    }
  });
});

/** These have a field that we do not know, so the bytes are not the same. */
const hasAgents = (read: unknown): boolean => JSON.stringify(read).includes('"agent_info"');

/** Metrics come and go between two questions: those that both know are compared. */
function byName(answer: Json | undefined): unknown {
  const metrics = (answer?.['get_metrics'] as { metrics: { name: string }[] } | undefined)?.metrics;
  return metrics === undefined
    ? answer
    : { metrics: metrics.filter(({ name }) => name === 'master/tasks_running') };
}
