import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../../support/eventually.ts';
import { NetworkNamespace } from '../../support/network-namespace.ts';
import { runningProcesses } from '../../support/processes.ts';
import { sized, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { report } from './support/report.ts';

// L13: what carries VIPs goes on while the program is replaced, and when that fails.

const PER_SECOND = 200;
/** After the new process serves. */
const SECONDS = sized(1, 20);
const DRAIN_MS = 4_000;
const FRAMEWORK = { value: '20260101-000000-1-5050-1-0000' };
const AGENT = { value: '20260101-000000-1-5050-1-S0' };

interface Backend {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
}

/** Says its name to every connection, and again to all that it is told, over TCP and UDP at one port. */
async function startBackend(name: string, ip: string): Promise<Backend & { close(): void }> {
  const tcp = createServer((socket) => {
    socket.write(name);
    socket.on('data', () => socket.write(name));
    socket.on('error', () => {});
  });
  await once(tcp.listen(0, ip), 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (_, from) => udp.send(name, from.port, from.address));
  udp.bind(port, ip);
  await once(udp, 'listening');
  const close = (): void => {
    tcp.close();
    udp.close();
  };
  return { name, ip, port, close };
}

const task = ({ name, ip, port }: Backend): Record<string, unknown> => ({
  name,
  task_id: { value: name },
  framework_id: FRAMEWORK,
  agent_id: AGENT,
  state: 'TASK_RUNNING',
  resources: [],
  statuses: [statusOf(name, ip, 'TASK_RUNNING')],
  discovery: {
    name,
    visibility: 'CLUSTER',
    ports: {
      ports: [
        {
          number: port,
          protocol: 'tcp,udp',
          labels: {
            labels: [
              { key: 'VIP_0', value: '/web:7080' },
              { key: 'network-scope', value: 'container' },
            ],
          },
        },
      ],
    },
  },
});
const statusOf = (name: string, ip: string, state: string): Record<string, unknown> => ({
  task_id: { value: name },
  agent_id: AGENT,
  state,
  timestamp: 1_780_000_000,
  container_status: { network_infos: [{ ip_addresses: [{ ip_address: ip }] }] },
});
const stateOf = (...backends: Backend[]): unknown => ({
  get_tasks: { tasks: backends.map(task) },
  get_executors: { executors: [] },
  get_frameworks: {
    frameworks: [
      {
        framework_info: { id: FRAMEWORK, name: 'marathon', hostname: 'h' },
        active: true,
        connected: true,
      },
    ],
  },
  get_agents: {
    agents: [
      {
        agent_info: { id: AGENT, hostname: '10.100.0.1', port: 5051 },
        pid: 'slave(1)@10.100.0.1:5051',
        active: true,
      },
    ],
  },
});

/** The first thing that is said on a new connection, which is then at its end. */
function answerOf(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer in 5 s')));
    socket.once('data', (bytes) => {
      resolve(bytes.toString());
      socket.end();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without an answer')));
  });
}

/** New connections at a rate until it is stopped, with who answered how often, and what failed. */
function startLoad(host: string, port: number) {
  const over = new AbortController();
  const answers = new Map<string, number>();
  const failures: string[] = [];
  const running: Promise<void>[] = [];
  const done = (async () => {
    const begun = performance.now();
    for (let i = 1; !over.signal.aborted; i++) {
      running.push(
        answerOf(host, port).then(
          (name) => void answers.set(name, (answers.get(name) ?? 0) + 1),
          (error: unknown) => void failures.push(String(error)),
        ),
      );
      const wait = begun + (i * 1_000) / PER_SECOND - performance.now();
      if (wait > 0) await pause(wait);
    }
    await Promise.all(running);
  })();
  return {
    answers,
    async stop(): Promise<{ readonly sent: number; readonly failures: readonly string[] }> {
      over.abort();
      await done;
      return { sent: running.length, failures };
    },
  };
}

const modes = ['proxy', ...(NetworkNamespace.possible ? ['kernel'] : [])] as const;
if (modes.length === 1) console.log('an upgrade with VIPs in the kernel is not tested: not root on Linux');

describe.skipIf(process.platform !== 'linux').each(modes)('L13: VIPs during an upgrade, mode %s', (mode) => {
  const network = mode === 'kernel' ? new NetworkNamespace(`rimrock-${process.pid}-upgrade`) : undefined;
  const ip = mode === 'kernel' ? '10.79.0.1' : '127.0.0.1';
  const range = mode === 'kernel' ? {} : { vipRange: { first: '127.78.0.0', last: '127.78.255.255' } };
  let edge: EdgeUnderTest;
  let folder: string;
  let pidFile: string;
  const backends: Awaited<ReturnType<typeof startBackend>>[] = [];
  let [host, port] = ['', 0];

  beforeAll(async () => {
    network?.make();
    for (const name of ['one', 'two']) backends.push(await startBackend(name, ip));
    folder = mkdtempSync(join(tmpdir(), 'rimrock-upgrade-vips-'));
    pidFile = join(folder, 'pid');
    edge = await startEdge({
      state: stateOf(...backends.slice(0, 1)),
      dns: { dcos: range },
      lb: { workers: 1, timeouts: { drainMs: DRAIN_MS }, vips: { mode, reconcileSeconds: 1 } },
      upgrade: { pidFile },
    });
    const vip = await eventually('the VIP to have its backend', async () => {
      const { vips, mode: is } = (await (await fetch(`${edge.admin}/vips`)).json()) as {
        readonly mode: string;
        readonly vips: readonly { readonly address: string; readonly listens?: string }[];
      };
      expect(is).toBe(mode);
      // At its own address, where also a proxy can be there.
      const own = vips.find((v) => !v.address.startsWith('['));
      return mode === 'kernel' || own?.listens === own?.address ? own?.address : undefined;
    });
    [host, port] = [vip.split(':')[0] ?? '', Number(vip.split(':')[1])];
    await eventually('an answer through the VIP', async () => (await answerOf(host, port)) === 'one');
  });
  afterAll(async () => {
    await edge.close();
    for (const backend of backends) backend.close();
    rmSync(folder, { recursive: true });
    network?.remove();
  });

  const serving = (): number => Number(readFileSync(pidFile, 'utf8'));

  it('one that fails once it knows of the cluster changes nothing', async () => {
    const taken = createServer();
    await once(taken.listen(0, '127.0.0.1'), 'listening');
    const file = join(edge.site.data, 'edge.yaml');
    const good = readFileSync(file, 'utf8');
    const admin = `"admin":{"port":${edge.site.ports.admin}}`;
    expect(good).toContain(admin);
    const load = startLoad(host, port);
    writeFileSync(file, good.replace(admin, `"admin":{"port":${(taken.address() as AddressInfo).port}}`));
    process.kill(serving(), 'SIGUSR2');
    await eventually(
      'the upgrade to fail',
      () => edge.running.output().includes('the upgrade has failed; this process goes on'),
      { timeoutMs: 60_000 },
    );
    const { sent, failures } = await load.stop();
    writeFileSync(file, good);
    await once(taken.close(), 'close');
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(20);
    expect(await answerOf(host, port)).toBe('one');
  });

  it('connections go through, those that are open go on, and what comes later is followed', async () => {
    const [, two] = backends;
    const old = serving();
    const held = connect({ host, port });
    await once(held, 'data');
    const udp = createSocket('udp4');
    const overUdp = async (): Promise<string> => {
      const answer = once(udp, 'message');
      udp.send('who?', port, host);
      return String((await answer)[0]);
    };
    expect(await overUdp()).toBe('one');

    const load = startLoad(host, port);
    process.kill(old, 'SIGUSR2');
    await eventually('another process to serve', () => serving() !== old, { timeoutMs: 60_000 });
    expect(await said(held)).toBe('one');
    expect(
      await eventually('an answer over UDP', () => Promise.race([overUdp(), pause(1_000).then(() => '')]), {
        accept: (name) => name !== '',
      }),
    ).toBe('one');
    if (two) edge.master.send({ type: 'TASK_ADDED', task_added: { task: task(two) } });
    await eventually('the new backend to be used', () => (load.answers.get('two') ?? 0) > 0, {
      timeoutMs: 20_000,
    });
    // The old process waits for it, or the kernel has no need of either.
    expect(await said(held)).toBe('one');
    if (mode === 'proxy') held.end();
    await eventually('the old process to be gone', () => !runningProcesses().some((p) => p.pid === old), {
      timeoutMs: 30_000,
    });
    await pause(SECONDS * 1_000);
    expect(await overUdp()).toMatch(/^(one|two)$/);
    const { sent, failures } = await load.stop();
    report(
      'L13',
      `VIPs, mode ${mode}: ${sent} connections, ${failures.length} failed; ${tell(load.answers)}`,
    );
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(PER_SECOND);
    if (mode === 'kernel') expect(await said(held)).toBe('one');
    held.destroy();
    udp.close();
  });

  if (mode === 'kernel')
    it('another table takes the place of the old one, which goes', async () => {
      const file = join(edge.site.data, 'edge.yaml');
      const text = readFileSync(file, 'utf8');
      const kernel = '"mode":"kernel"';
      expect(text).toContain(kernel);
      const upgrade = async (config: string): Promise<void> => {
        const old = serving();
        writeFileSync(file, config);
        process.kill(old, 'SIGUSR2');
        await eventually('another process to serve', () => serving() !== old, { timeoutMs: 60_000 });
      };
      const tables = (): string => run('nft', 'list', 'tables');
      expect(tables()).toBe('table inet rimrock\n');
      const load = startLoad(host, port);
      await upgrade(text.replace(kernel, `${kernel},"table":"another"`));
      await eventually('only the new table to be there', () => tables() === 'table inet another\n');
      const { failures } = await load.stop();
      expect(failures).toEqual([]);
      await upgrade(text.replace(kernel, '"mode":"off"'));
      await eventually('no table to be there', () => tables() === '');
      await eventually('no route to be there', () => run('ip', 'route', 'show', 'protocol', '182') === '');
    });
});

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', timeout: 10_000 });

async function said(socket: Socket): Promise<string> {
  const answer = once(socket, 'data');
  socket.write('who?');
  return String((await answer)[0]);
}

const tell = (answers: ReadonlyMap<string, number>): string =>
  [...answers].map(([name, n]) => `${n} by ${name}`).join(', ');
