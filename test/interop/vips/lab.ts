import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const LIMIT_MS = 30_000;

/** A process in a namespace that answers what it is asked. */
export class Asked {
  readonly #child: ChildProcess;
  readonly #open = new Map<number, (told: { value?: unknown; error?: string }) => void>();
  readonly gone: Promise<number | string>;
  #next = 1;
  #noise = '';

  constructor(namespace: string, script: string, arguments_: readonly string[] = []) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    const command = ['netns', 'exec', namespace, process.execPath, '--no-deprecation', path, ...arguments_];
    this.#child = spawn('ip', command, { stdio: 'pipe' });
    this.gone = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        resolve(code ?? signal ?? 'unknown');
        for (const told of this.#open.values()) told({ error: `the process ended with ${code ?? signal}` });
      });
    });
    if (this.#child.stdout)
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        const told = JSON.parse(line) as { readonly id: number; value?: unknown; error?: string };
        this.#open.get(told.id)?.(told);
        this.#open.delete(told.id);
      });
    this.#child.stderr?.on('data', (piece: Buffer) => void (this.#noise += piece.toString()));
    this.#child.stdin?.on('error', () => {});
  }

  ask<T>(op: string, more: object = {}): Promise<T> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${op}\n${this.#noise}`)), LIMIT_MS);
      this.#open.set(id, ({ value, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(value as T);
        else reject(new Error(`${error}\n${this.#noise}`));
      });
      this.#child.stdin?.write(`${JSON.stringify({ id, op, ...more })}\n`);
    });
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
    this.#child.kill(signal);
    return this.gone;
  }
}

export type HostName = 'client' | 'one' | 'two' | 'container';

/**
 * Three hosts on a bridge, without a default route, and a container behind the first: each a network namespace of its own. The network of
 * the machine is not touched. IPv4 10.77.0.<n> and IPv6 fd77::<n>: client 1, one 2, two 3; the container is 10.78.0.2.
 */
export class Lab {
  readonly #prefix = `rimrock-${process.pid}-`;
  readonly #processes: Asked[] = [];

  /** As far as it got it is there for `close` to take away. */
  make(): void {
    const [bridge, client, container] = [this.#of('bridge'), this.#of('client'), this.#of('container')];
    for (const name of ['bridge', 'client', 'one', 'two', 'container']) {
      ip('netns', 'add', this.#of(name));
      ip('-n', this.#of(name), 'link', 'set', 'lo', 'up');
    }
    ip('-n', bridge, 'link', 'add', 'name', 'switch0', 'type', 'bridge');
    ip('-n', bridge, 'link', 'set', 'switch0', 'up');
    for (const [i, name] of ['client', 'one', 'two'].entries()) {
      const host = this.#of(name);
      ip(
        '-n',
        bridge,
        'link',
        'add',
        'name',
        `to-${name}`,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        host,
      );
      ip('-n', bridge, 'link', 'set', `to-${name}`, 'master', 'switch0', 'up');
      ip('-n', host, 'addr', 'add', `10.77.0.${i + 1}/24`, 'dev', 'eth0');
      ip('-n', host, 'addr', 'add', `fd77::${i + 1}/64`, 'dev', 'eth0', 'nodad');
      ip('-n', host, 'link', 'set', 'eth0', 'up');
    }
    ip(
      '-n',
      client,
      'link',
      'add',
      'name',
      'veth0',
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      container,
    );
    ip('-n', client, 'addr', 'add', '10.78.0.1/24', 'dev', 'veth0');
    ip('-n', client, 'link', 'set', 'veth0', 'up');
    ip('-n', container, 'addr', 'add', '10.78.0.2/24', 'dev', 'eth0');
    ip('-n', container, 'link', 'set', 'eth0', 'up');
    ip('-n', container, 'route', 'add', 'default', 'via', '10.78.0.1');
    this.in('client', 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  }

  /** Run a program there; what it wrote. */
  in(host: HostName, ...command: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.#of(host), ...command], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
    });
  }

  /** What the kernel of a host has that could be ours. */
  kernelOf(host: HostName): string {
    const routes = ['-4', '-6'].map((family) => this.in(host, 'ip', family, 'route', 'show', 'table', 'all'));
    // Addresses of links come when the links are up.
    const lines = [this.in(host, 'nft', 'list', 'ruleset'), ...routes].join('').split('\n');
    return lines.filter((line) => !line.includes('fe80:')).join('\n');
  }

  async host(host: HostName, config: object): Promise<Asked> {
    const started = this.#start(host, './host-process.ts', [JSON.stringify(config)]);
    await started.ask('start');
    return started;
  }

  peer(host: HostName): Asked {
    return this.#start(host, './peer-process.ts');
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((child) => child.end('SIGKILL')));
    for (const name of ['bridge', 'client', 'one', 'two', 'container']) {
      try {
        ip('netns', 'del', this.#of(name));
      } catch {
        // It was not made: the one before it failed.
      }
    }
  }

  #start(host: HostName, script: string, arguments_?: readonly string[]): Asked {
    const child = new Asked(this.#of(host), script, arguments_);
    this.#processes.push(child);
    return child;
  }

  #of(name: string): string {
    return this.#prefix + name;
  }
}

function ip(...command: readonly string[]): void {
  execFileSync('ip', command, { stdio: ['ignore', 'ignore', 'pipe'], timeout: LIMIT_MS });
}

/** Why there can be no lab here; undefined when there can. */
export function labProblem(): string | undefined {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'not root';
  const probe = 'ip link add va type veth peer name vb && nft add table inet t && nft -j list tables';
  try {
    execFileSync('unshare', ['-n', 'sh', '-c', `PATH=$PATH:/usr/sbin:/sbin; ${probe}`], {
      stdio: 'ignore',
      timeout: LIMIT_MS,
    });
    return undefined;
  } catch {
    return 'no network namespaces, ip or nft here';
  }
}
