import { describe, expect, it } from 'vitest';
import { FakeMachine } from '../testing/fake-launcher.ts';
import type { LaunchCheckpoint, LaunchSpec } from './launcher.ts';
import { createLaunchers } from './launchers.ts';

const spec = (containerId: string, extra: Partial<LaunchSpec> = {}): LaunchSpec => ({
  containerId,
  argv: ['patient'],
  environment: {},
  sandbox: '/sandbox',
  runtimeDir: `/runtime/${containerId}`,
  ...extra,
});
const DOCKER = { type: 'DOCKER', docker: { image: 'web' } } as const;

describe('all launchers as one', () => {
  it('says what nobody can run', () => {
    const alone = createLaunchers({ process: new FakeMachine().launcher() });
    const both = createLaunchers({
      process: new FakeMachine().launcher(),
      docker: new FakeMachine().launcher(),
    });
    expect(alone.cannotRun(undefined)).toBeUndefined();
    expect(alone.cannotRun({ type: 'MESOS' })).toBeUndefined();
    expect(alone.cannotRun(DOCKER)).toBe(
      'None of the enabled containerizers (process) could create a container with an image',
    );
    expect(both.cannotRun(DOCKER)).toBeUndefined();
    expect(both.cannotRun({ type: 'MESOS', mesos: { image: {} } })).toContain('(docker, process)');
  });

  it('gives each container to its launcher, and finds it there again', async () => {
    const [plain, engine] = [new FakeMachine(), new FakeMachine()];
    const make = () => {
      const docker = engine.launcher();
      return createLaunchers({
        process: plain.launcher(),
        // as a real one does: its checkpoints carry its name
        docker: {
          launch: (s, commit) => docker.launch(s, (c) => commit({ ...c, launcher: 'docker' })),
          reattach: (c) => docker.reattach(c),
          kill: (handle, graceMs) => docker.kill(handle, graceMs),
          endForgotten: (root, known) => docker.endForgotten(root, known),
          signal: (handle, signal) => docker.signal(handle, signal),
          limit: (handle, quantities) => docker.limit(handle, quantities),
          usage: (handle) => docker.usage(handle),
          exec: (handle, command, signal) => docker.exec(handle, command, signal),
          close: () => docker.close(),
        },
      });
    };
    const launchers = make();
    await launchers.launch(spec('p'), async () => {});
    let checkpoint: LaunchCheckpoint | undefined;
    await launchers.launch(spec('d', { container: DOCKER }), async (c) => void (checkpoint = c));
    expect([plain.running, engine.running]).toEqual([['p'], ['d']]);
    expect(checkpoint).toMatchObject({ launcher: 'docker', containerId: 'd' });
    const later = make();
    expect(await later.reattach(checkpoint!)).toMatchObject({ checkpoint: { containerId: 'd' } });
    expect(await createLaunchers({ process: plain.launcher() }).reattach(checkpoint!)).toBe('gone');
    expect(await later.endForgotten('/runtime', new Set())).toEqual(['p', 'd']);
  });
});
