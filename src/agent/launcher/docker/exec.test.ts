import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type Dockerode from 'dockerode';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { ExecSpec } from '../launcher.ts';
import { execInside } from './exec.ts';

describe.skipIf(process.platform !== 'linux')('a command beside a container that is cut short', () => {
  it('is ended also when the engine begins with it only after that', async () => {
    const asked = Promise.withResolvers<Dockerode.ExecCreateOptions>();
    const exec = (options: Dockerode.ExecCreateOptions): Promise<Dockerode.Exec> => {
      asked.resolve(options);
      return Promise.resolve({} as Dockerode.Exec);
    };
    const docker = { getContainer: () => ({ exec }) } as unknown as Dockerode;
    const engine = {
      ask: <T>(_what: string, f: (docker: Dockerode) => Promise<T>) => f(docker),
      stream: () => new Promise<never>(() => {}),
    };
    const clock = new FakeClock();
    const cut = new AbortController();
    const spec: ExecSpec = { argv: ['sleep', '1000'], environment: {}, sandbox: '/' };
    const running = execInside({ engine, clock }, { id: 'c', containerId: 'c' }, spec, cut.signal);
    const { Env = [] } = await asked.promise;
    cut.abort(new Error('too slow'));
    await expect(running).rejects.toThrow('too slow');
    const env = Object.fromEntries(Env.map((line) => line.split(/=(.*)/s).slice(0, 2))) as NodeJS.ProcessEnv;
    const late = spawn('/bin/sleep', ['1000'], { env });
    onTestFinished(() => void late.kill('SIGKILL'));
    const exit = once(late, 'exit');
    await once(late, 'spawn');
    clock.advance(50);
    expect(await exit).toEqual([null, 'SIGKILL']);
    await Promise.resolve();
    expect(clock.pending).toBe(0);
  });
});
