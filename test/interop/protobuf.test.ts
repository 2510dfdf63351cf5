import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Site } from '../support/platform.ts';
import { root } from '../support/root.ts';

const PEER = join(root, 'test/interop/clients/protobuf-peer.py');
const PYTHON = '/usr/bin/python3';
const hasProtobuf = spawnSync(PYTHON, ['-c', 'import google.protobuf']).status === 0;

type Json = Readonly<Record<string, unknown>>;
interface Seen {
  readonly subscribed: Json;
  readonly seen: readonly string[];
  readonly states: Readonly<Record<string, readonly string[]>>;
  readonly operator: readonly ({ readonly type: string } & Json)[];
  readonly echoed: boolean;
  readonly answers: Readonly<Record<string, Json>>;
  readonly agent: Readonly<Record<string, Json>>;
}

const listIn = (answer: Json | undefined, part: string, list: string): Json[] =>
  (answer?.[part] as Readonly<Record<string, Json[]>> | undefined)?.[list] ?? [];

// Every byte of this is written and read by python3-protobuf, by tables of its own; it refuses what is not complete, has
// fields that nobody knows, or is not written as it would write it.
describe.skipIf(!hasProtobuf)(
  'python3-protobuf as scheduler, executor and operator (needs python3-protobuf)',
  () => {
    let site: Site;
    let heard: Seen;
    beforeAll(async () => {
      site = await Site.make();
      await site.start('master', { settings: ['data', 'master', 'auth'] });
      await site.start('agent', { settings: ['data', 'agent'] });
      const of = (port: number): string => `127.0.0.1:${port}`;
      const { stdout } = await promisify(execFile)(
        PYTHON,
        [PEER, 'scheduler', of(site.ports.master), of(site.ports.agent)],
        { timeout: 90_000, maxBuffer: 1 << 24, env: { ...process.env, RIMROCK_TEST_SITE: site.data } },
      );
      heard = JSON.parse(stdout) as Seen;
    });
    afterAll(() => site.close());

    it('subscribes, launches, acknowledges, talks to its executor, reconciles, kills and tears down', () => {
      expect(heard.subscribed).toMatchObject({
        heartbeat_interval_seconds: 15,
        master_info: { version: '1.11.0' },
      });
      expect(heard.seen.slice(0, 2)).toEqual(['SUBSCRIBED', 'HEARTBEAT']);
      const { plain = [], own = [], nobody } = heard.states;
      expect(plain.filter((state, i) => state !== plain[i - 1])).toEqual([
        'TASK_STARTING',
        'TASK_RUNNING',
        'TASK_KILLED',
      ]);
      expect(own).toEqual(['TASK_RUNNING', 'TASK_KILLED']);
      expect(nobody).toEqual(['TASK_UNKNOWN']);
      expect(heard.echoed).toBe(true);
    });

    it('follows the operator stream', () => {
      const types = heard.operator.map((event) => event.type);
      expect(types.slice(0, 2)).toEqual(['SUBSCRIBED', 'HEARTBEAT']);
      for (const type of ['FRAMEWORK_ADDED', 'TASK_ADDED', 'TASK_UPDATED']) expect(types).toContain(type);
      expect(types.at(-1)).toBe('FRAMEWORK_REMOVED');
      const added = heard.operator.find(
        (e) => e.type === 'TASK_ADDED' && JSON.stringify(e).includes('"plain"'),
      );
      expect(added).toMatchObject({
        task_added: { task: { state: 'TASK_STAGING', labels: { labels: [{ key: 'é', value: '😀' }] } } },
      });
    });

    it('reads every answer of master and agent', () => {
      for (const answers of [heard.answers, heard.agent])
        for (const [type, answer] of Object.entries(answers)) expect(answer, type).toMatchObject({ type });
      const tasks = listIn(heard.answers['GET_TASKS'], 'get_tasks', 'tasks');
      expect(tasks.map(({ state }) => state)).toEqual(['TASK_RUNNING', 'TASK_RUNNING']);
      const containers = listIn(heard.agent['GET_CONTAINERS'], 'get_containers', 'containers');
      expect(containers).toHaveLength(2);
      for (const { resource_statistics } of containers)
        expect(resource_statistics).toMatchObject({ mem_rss_bytes: expect.stringMatching(/^\d+$/) });
      const file = heard.agent['READ_FILE']?.['read_file'] as { data: string } | undefined;
      expect(Buffer.from(file?.data ?? '', 'base64').toString()).toContain('SUBSCRIBED\nLAUNCH\n');
    });
  },
);
