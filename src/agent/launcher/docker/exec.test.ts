import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { ExecSpec } from '../launcher.ts';
import { execInside } from './exec.ts';

describe('a command beside a container', () => {
  it('has the status that it ended with, also where the engine hears of its end after that of its output', async () => {
    let looks = 0;
    const inspect = async () =>
      ++looks < 4 ? { Running: true, ExitCode: null } : { Running: false, ExitCode: 4 };
    const exec = { inspect, start: async () => Readable.from([]) } as unknown as Dockerode.Exec;
    const docker = { getContainer: () => ({ exec: async () => exec }) } as unknown as Dockerode;
    const engine = {
      ask: <T>(_what: string, f: (docker: Dockerode) => Promise<T>) => f(docker),
      stream: <T>(_what: string, f: (docker: Dockerode) => Promise<T>) => f(docker),
    };
    const clock = new FakeClock();
    const { signal } = new AbortController();
    const spec: ExecSpec = { argv: ['false'], environment: {}, sandbox: '/' };
    const running = execInside({ engine, clock }, { id: 'c', containerId: 'c' }, spec, signal);
    const statuses: number[] = [];
    void running.then((status) => statuses.push(status));
    while (statuses.length === 0) {
      await new Promise(setImmediate); // for the stream, which goes by no clock
      clock.advance(500);
    }
    expect(statuses).toEqual([4]);
    expect([looks, clock.pending]).toEqual([4, 0]);
  });
});

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
