import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSecretStore } from '../../../src/agent/secrets/store.ts';
import { makeVolumes } from '../../../src/agent/volumes/volumes.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { askEngine } from '../../support/dockerd.ts';
import type { TestEngine } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { shell, useBench } from './bench.ts';

/** Whether a process of this machine carries this text in its environment. */
function runs(text: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text);
    } catch {
      return false;
    }
  });
}

const MB = 2 ** 20;

/** What tasks get of a container, seen from inside and outside. */
export function dockerBehaviour(engine: () => TestEngine): void {
  describe('a container', () => {
    const bench = useBench(engine);

    it('writes every byte of its output into its sandbox before its end is told', async () => {
      const spec = bench.spec(shell('seq 1 50000; seq 1 20000 >&2; printf "no line feed"'));
      await writeFile(join(spec.sandbox, 'stdout'), 'fetched\n');
      expect(await (await bench.run(spec)).exited).toEqual({ kind: 'exited', code: 0 });
      const lines = (n: number): string => Array.from({ length: n }, (_, i) => `${i + 1}\n`).join('');
      expect(await bench.read(spec)).toBe(`fetched\n${lines(50_000)}no line feed`);
      expect(await bench.read(spec, 'stderr')).toBe(lines(20_000));
    });

    it('keeps lines whole that the engine takes apart', async () => {
      const spec = bench.spec(shell('head -c 100000 /dev/zero | tr "\\0" x; echo; echo "Grüße"'));
      await (
        await bench.run(spec)
      ).exited;
      expect(await bench.read(spec)).toBe(`${'x'.repeat(100_000)}\nGrüße\n`);
    });

    it('keeps bytes that are no text, with a log driver that does', async () => {
      const parameters = [{ key: 'log-driver', value: 'local' }];
      const spec = bench.spec(
        shell('head -c 50000 /dev/urandom | tee $MESOS_SANDBOX/copy'),
        bench.docker({ parameters }),
      );
      await (
        await bench.run(spec)
      ).exited;
      const [stdout, copy] = await Promise.all(
        ['stdout', 'copy'].map((name) => readFile(join(spec.sandbox, name))),
      );
      expect(copy?.length).toBe(50_000);
      expect(stdout?.equals(copy ?? Buffer.alloc(0))).toBe(true);
    });

    it('of which the engine keeps no output still has an end', async () => {
      const spec = bench.spec(
        shell('echo unheard; exit 3'),
        bench.docker({ parameters: [{ key: 'log-driver', value: 'none' }] }),
      );
      expect(await (await bench.run(spec)).exited).toEqual({ kind: 'exited', code: 3 });
      expect(await bench.read(spec)).toBe('');
    });

    it('sees its sandbox and is told who it is', async () => {
      const spec = bench.spec(
        shell('pwd; echo $MESOS_CONTAINER_NAME; cat $MESOS_SANDBOX/in > /mnt/mesos/sandbox/out'),
        {
          environment: { MESOS_SANDBOX: '/elsewhere' },
        },
      );
      await writeFile(join(spec.sandbox, 'in'), 'hello');
      expect(await (await bench.run(spec)).exited).toEqual({ kind: 'exited', code: 0 });
      expect(await readFile(join(spec.sandbox, 'out'), 'utf8')).toBe('hello');
      expect(await bench.read(spec)).toBe(`/\nmesos-${spec.containerId}\n`);
    });

    it('runs what its image says, with the arguments and the user of the task where it has some', async () => {
      const speaker = bench.docker({ image: 'speaker' });
      const own = bench.spec([''], speaker);
      const told = bench.spec(['', 'a', 'b c'], speaker);
      const command = bench.spec(shell('id -u; echo $FROM'), speaker);
      const user = bench.spec(shell('id -u'), { ...speaker, user: '77' });
      for (const spec of [own, told, command, user]) await (await bench.run(spec)).exited;
      expect(await bench.read(own)).toBe('image: nothing\n');
      expect(await bench.read(told)).toBe('image: a b c\n');
      expect(await bench.read(command)).toBe('1234\nimage\n');
      expect(await bench.read(user)).toBe('77\n');
    });

    it('has a terminal where it asks for one', async () => {
      const spec = bench.spec(
        shell('test -t 1 && echo yes'),
        bench.docker({ parameters: [{ key: 'tty', value: 'true' }] }),
      );
      await (
        await bench.run(spec)
      ).exited;
      expect(await bench.read(spec)).toBe('yes\r\n');
    });

    it('is reached by a mapped port of the host, and at its own address', async () => {
      const spec = bench.spec(
        shell('echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp'),
        bench.docker({ network: 'BRIDGE', port_mappings: [{ host_port: 31080, container_port: 8080 }] }),
      );
      const handle = await bench.run(spec);
      const ip = handle.networks?.[0]?.ip_addresses?.[0]?.ip_address ?? '';
      expect(ip).toMatch(/^172\./);
      for (const address of ['127.0.0.1:31080', `${ip}:8080`]) {
        const body = await eventually('the server', () =>
          engine().inside('busybox', 'wget', '-qO-', `http://${address}/`),
        );
        expect(body).toBe('hello\n');
      }
      // another one cannot have the port: it is said, and nothing stays behind
      const second = bench.spec(shell('sleep 100'), { container: spec.container });
      await expect(bench.run(second)).rejects.toThrow(
        /31080.*port is already allocated|address already in use/,
      );
      expect(await bench.containers()).toEqual([`mesos-${spec.containerId}`]);
    });

    it('joins no network, or one by name', async () => {
      await askEngine(engine().socket, 'POST', '/networks/create', '{"Name":"blue"}');
      const alone = bench.spec(shell('ip -o link | wc -l'), bench.docker({ network: 'NONE' }));
      expect((await bench.run(alone)).networks).toBeUndefined();
      const user = bench.spec(shell('sleep 100'), {
        container: {
          type: 'DOCKER',
          docker: { image: 'busybox', network: 'USER', parameters: [{ key: 'net-alias', value: 'other' }] },
          network_infos: [{ name: 'blue' }],
        },
      });
      const handle = await bench.run(user);
      expect(handle.networks).toEqual([
        {
          name: 'blue',
          ip_addresses: [{ protocol: 'IPv4', ip_address: expect.stringMatching(/^172\./) as string }],
        },
      ]);
      const nowhere = bench.spec(shell('true'), {
        container: {
          type: 'DOCKER',
          docker: { image: 'busybox', network: 'USER' },
          network_infos: [{ name: 'red' }],
        },
      });
      await expect(bench.run(nowhere)).rejects.toThrow(/network red not found/);
    });

    it('mounts folders of the machine and volumes of the engine', async () => {
      const folder = join(bench.folder, 'data');
      await mkdir(folder);
      await writeFile(join(folder, 'in'), 'in');
      const volumes = [
        { container_path: '/data', mode: 'RW', host_path: folder },
        { container_path: '/ro', mode: 'RO', host_path: folder },
        { container_path: '/kept', mode: 'RW', source: { docker_volume: { name: 'kept-data' } } },
      ] as const;
      const container = { type: 'DOCKER', docker: { image: 'busybox' }, volumes } as const;
      const first = bench.spec(
        shell('cp /data/in /data/out; cp /data/in /kept/in; touch /ro/x 2>/dev/null || echo read-only'),
        { container },
      );
      await (
        await bench.run(first)
      ).exited;
      const second = bench.spec(shell('cat /kept/in'), { container });
      await (
        await bench.run(second)
      ).exited;
      expect([await bench.read(first), await bench.read(second)]).toEqual(['read-only\n', 'in']);
      expect(await readFile(join(folder, 'out'), 'utf8')).toBe('in');
      await askEngine(engine().socket, 'DELETE', '/volumes/kept-data?force=1');
    });

    it('has what the parameters say', async () => {
      const parameters = Object.entries({
        hostname: 'named',
        env: 'EXTRA=1',
        label: 'team=blue',
        'cap-drop': 'ALL',
        ulimit: 'nofile=100:200',
        tmpfs: '/scratch:size=1m',
        'read-only': 'true',
        'add-host': 'there:10.1.2.3',
        'shm-size': '2m',
        init: 'true',
        workdir: '/etc',
      }).map(([key, value]) => ({ key, value }));
      const script = [
        'hostname; echo $EXTRA; pwd; ulimit -n',
        'grep CapEff /proc/self/status | cut -f2',
        'touch /x 2>/dev/null || echo read-only; touch /scratch/x && echo scratch',
        "grep -c 10.1.2.3 /etc/hosts; df -k /dev/shm | tail -1 | awk '{print $2}'; echo $$",
      ].join('\n');
      const spec = bench.spec(shell(script), { ...bench.docker({ parameters, network: 'BRIDGE' }) });
      await (
        await bench.run(spec)
      ).exited;
      const words = (await bench.read(spec)).trim().split('\n');
      expect(words.slice(0, -1)).toEqual([
        'named',
        '1',
        '/etc',
        '100',
        '0000000000000000',
        'read-only',
        'scratch',
        '1',
        '2048',
      ]);
      expect(Number(words.at(-1))).toBeGreaterThan(1); // init is the first process
    });

    it('that goes over its memory ends with the reason', async () => {
      const quantities = { cpus: 0.1, memBytes: 32 * MB };
      const spec = bench.spec(shell('tail /dev/zero'), { quantities });
      const status = await (await bench.run(spec)).exited;
      expect(status).toMatchObject({
        limitation: {
          reason: 'REASON_CONTAINER_LIMITATION_MEMORY',
          message: expect.stringContaining('32MB') as string,
        },
      });
      expect(status).toSatisfy(
        (s: { kind: string; signal?: number; code?: number }) => s.signal === 9 || s.code === 1,
      );
    });

    it('says what it uses', async () => {
      const quantities = { cpus: 0.5, memBytes: 64 * MB };
      const launcher = bench.make();
      const spec = bench.spec(
        shell(
          'trap "exit 0" TERM; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done; while :; do sleep 1; done',
        ),
        { quantities },
      );
      const handle = await launcher.launch(spec, async () => {});
      await eventually('the work', async () => (await bench.read(spec)) === 'done\n', { timeoutMs: 60_000 });
      const usage = await eventually('shell and sleep', async () => {
        const now = await launcher.usage(handle);
        return now?.['processes'] === 2 && now;
      });
      expect(usage).toMatchObject({ cpus_limit: 0.5, mem_limit_bytes: 64 * MB });
      expect((usage['cpus_user_time_secs'] ?? 0) + (usage['cpus_system_time_secs'] ?? 0)).toBeGreaterThan(0);
      expect(usage['mem_total_bytes']).toBeGreaterThan(0);
      await launcher.kill(handle, 0);
      expect(await launcher.usage(handle)).toBeUndefined();
    });

    it('has commands run inside of it, of which nothing is left in the end', async () => {
      const launcher = bench.make();
      const spec = bench.spec(shell('echo mine > /tmp/file; while :; do sleep 1000; done'));
      const handle = await launcher.launch(spec, async () => {});
      const exec = (script: string, signal: AbortSignal): Promise<number> =>
        launcher.exec(
          handle,
          { argv: shell(script), environment: { MARK: `mark-${spec.containerId}` }, sandbox: spec.sandbox },
          signal,
        );
      const never = new AbortController().signal;
      await eventually('the file', async () => (await exec('test -f /tmp/file', never)) === 0);
      expect(await exec('exit 7', never)).toBe(7);
      expect(await exec('no-such-program', never)).toBe(127);
      const abort = new AbortController();
      const hanging = exec('sleep 1000 & (sleep 1001; true) & wait', abort.signal);
      hanging.catch(() => {});
      await eventually('the command to run', () => runs(`mark-${spec.containerId}`));
      abort.abort(new Error('too late'));
      await expect(hanging).rejects.toThrow('too late');
      expect(runs(`mark-${spec.containerId}`)).toBe(false);
      const ended = launcher.kill(handle, 0);
      await ended;
      await expect(exec('true', never)).rejects.toThrow(/not running/);
    });

    it('reads its secrets as any user, cannot change them, and its configuration does not hold them', async () => {
      const data = Buffer.from('open-sesame').toString('base64');
      const secret = { type: 'VALUE', value: { data } } as const;
      const volumes = ['/run/db', 'own/db'].map((container_path) => ({
        container_path,
        mode: 'RW' as const,
        source: { type: 'SECRET', secret },
      }));
      const { container } = bench.docker({});
      const script =
        'cat /run/db $MESOS_SANDBOX/own/db; echo; id -u; echo x 2>&1 >/run/db | grep -c "Read-only"; exec sleep 1000';
      const spec = bench.spec(shell(script), { container: { ...container, volumes }, user: '1234' });
      await makeVolumes(spec.container, { sandbox: spec.sandbox }, createSecretStore(undefined));
      const launcher = bench.make();
      const handle = await launcher.launch(spec, async () => {});
      await eventually('the output', async () => (await bench.read(spec)).split('\n').length === 4);
      expect(await bench.read(spec)).toBe('open-sesameopen-sesame\n1234\n1\n');
      const { engineId } = handle.checkpoint;
      const seen = await askEngine(engine().socket, 'GET', `/containers/${engineId}/json`);
      expect(seen).toContain('/run/db');
      expect(seen).not.toMatch(new RegExp(`open-sesame|${data}`));
      await launcher.kill(handle, 0);
    });

    it('of an image that cannot be had is not run, and says why', async () => {
      const spec = bench.spec(shell('true'), bench.docker({ image: '127.0.0.1:1/no/such:1' }));
      const told: string[] = [];
      await expect(bench.run({ ...spec, progress: (line) => told.push(line) })).rejects.toThrow(
        /the image 127\.0\.0\.1:1\/no\/such:1 cannot be pulled: .*refused.*agent\.docker\.credentials/,
      );
      expect(told).toEqual(['Pulling image 127.0.0.1:1/no/such:1']);
      expect(await bench.read(spec, 'stderr')).toBe('Pulling image 127.0.0.1:1/no/such:1\n');
      expect(await bench.containers()).toEqual([]);
    });

    it('that somebody else removed is over, and nobody knows how', async () => {
      const launcher = bench.make();
      const handle = await launcher.launch(bench.spec(shell('sleep 1000')), async () => {});
      await askEngine(engine().socket, 'DELETE', `/containers/${handle.checkpoint.engineId}?force=1`);
      expect(['unknown', 'signaled']).toContain((await handle.exited).kind);
      expect(await bench.make().reattach(handle.checkpoint)).toBe('gone');
    });

    it('is kept for people after its end, and removed after a while', async () => {
      let sweep = (): void => {};
      let now = systemClock.now();
      const clock = {
        ...systemClock,
        now: () => now,
        every: (_: number, f: () => void) => {
          sweep = f;
          return { cancel: () => {} };
        },
      };
      const launcher = bench.make({ removeDelaySeconds: 3600 }, clock);
      const [ended, running] = [bench.spec(shell('exit 1')), bench.spec(shell('sleep 1000'))];
      await (
        await launcher.launch(ended, async () => {})
      ).exited;
      await launcher.launch(running, async () => {});
      const both = [`mesos-${running.containerId}`, `mesos-${ended.containerId}`];
      now += 3_000_000;
      sweep();
      expect(await bench.containers()).toEqual(both);
      now += 3_600_000;
      sweep();
      await eventually('the removal', async () => (await bench.containers()).length === 1);
      expect(await bench.containers()).toEqual([`mesos-${running.containerId}`]);
    });
  });
}
