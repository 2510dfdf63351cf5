import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Health } from '../../../core/health.ts';
import { silentLogger } from '../../../core/log.ts';
import { Metrics } from '../../../core/metrics.ts';
import { rimrockConfigSchema } from '../../config/schema.ts';
import type { RoleName } from '../../roles.ts';
import { roles } from '../../roles.ts';
import { FakeMachine } from '../../testing/fake-machine.ts';
import { FakeWorld } from '../../testing/fake-world.ts';
import type { Part } from '../part.ts';
import { Succession } from './succession.ts';

const folder = mkdtempSync(join(tmpdir(), 'rimrock-succession-'));
const pidFile = join(folder, 'pid');
afterEach(() => rmSync(pidFile, { force: true }));
afterAll(() => rmSync(folder, { recursive: true }));

async function make(name: RoleName) {
  const role = roles.find((r) => r.name === name);
  if (!role) throw new Error(`no role ${name}`);
  const machine = new FakeMachine();
  const world = Object.assign(new FakeWorld(), { machine });
  const stop = new AbortController();
  const config = rimrockConfigSchema.parse({ upgrade: { pidFile } });
  const succession = await Succession.enter({ role, config, world, log: silentLogger, stop: stop.signal });
  const told: string[] = [];
  const part: Part = {
    name: 'lb',
    section: 'lb',
    health: new Health(),
    metrics: new Metrics(),
    ports: () => ({}),
    notes: () => [],
    component: {
      name: 'lb',
      start: async () => {},
      stop: async () => {},
      handOver: () => told.push('hand over'),
    },
  };
  return { machine, world, stop, succession, told, part };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('one process after the other', () => {
  it('an edge has the next one started when it is asked to, and leaves when that one serves', async () => {
    const { machine, world, succession, told, part } = await make('edge');
    const started = Promise.withResolvers<void>();
    succession.follow([part], started.promise);
    world.upgrade();
    await turn();
    expect(machine.started, 'not before it has started itself').toHaveLength(0);
    started.resolve();
    await turn();
    await succession.started([]);
    expect(readFileSync(pidFile, 'utf8')).toBe('100\n');
    expect([succession.takenOver.aborted, told]).toEqual([false, []]);
    machine.started[0]?.link.hear('ready');
    await turn();
    expect([succession.takenOver.aborted, told]).toEqual([true, ['hand over']]);
    await succession.ended();
    expect(existsSync(pidFile)).toBe(false);
  });

  it('leaves a file for the number of the process to the next one', async () => {
    const [first, second] = [await make('edge'), await make('edge')];
    second.machine.pid = 200;
    await first.succession.started([]);
    await second.succession.started([]);
    await first.succession.ended();
    expect(readFileSync(pidFile, 'utf8')).toBe('200\n');
  });

  it('other roles refuse, and so does a process that ends', async () => {
    for (const name of ['up', 'master', 'agent', 'marathon'] as const) {
      const { machine, world, succession, part } = await make(name);
      succession.follow([part], Promise.resolve());
      world.upgrade();
      await turn();
      expect(machine.started).toHaveLength(0);
    }
    const { machine, world, stop, succession, part } = await make('edge');
    succession.follow([part], Promise.resolve());
    stop.abort();
    world.upgrade();
    await turn();
    expect(machine.started).toHaveLength(0);
  });

  it('without another process there is nobody to wait for', async () => {
    const { succession } = await make('edge');
    expect(succession.alone.aborted).toBe(true);
    await succession.predecessor.until(() => false);
    expect(succession.predecessor.sockets.take('tcp', '127.0.0.1', 80)).toEqual([]);
  });
});
