import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttpClient } from '../../src/core/http/client.ts';
import type { TlsOptions } from '../../src/core/http/client.ts';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';
import { has } from './peers.ts';
import { root } from './root.ts';

/** Where `npm test` puts it, see scripts/support/peers.ts. */
const UNPACKED = join(root, 'node_modules/.cache/rimrock/consul/usr/bin/consul');
const program = has('consul') ? 'consul' : existsSync(UNPACKED) ? UNPACKED : undefined;

export const hasConsul = program !== undefined;

/** Files of a Consul, and what somebody shows whom it lets in. */
export interface ConsulTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly client: TlsOptions;
}

/** A real Consul: one server, which keeps what it has over `kill9` and `launch`. */
export class ConsulServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rimrock-consul-'));
  readonly #ports: readonly number[];
  readonly #settings: readonly string[];
  readonly #tls: ConsulTls | undefined;
  #child: ChildProcess | undefined;

  private constructor(ports: readonly number[], settings: readonly string[], tls: ConsulTls | undefined) {
    this.#ports = ports;
    this.#settings = settings;
    this.#tls = tls;
  }

  /** `settings`: more of its configuration, in HCL. With `tls` it is asked by https alone, and asks for a certificate. */
  static async start(settings: readonly string[] = [], tls?: ConsulTls): Promise<ConsulServer> {
    const server = new ConsulServer(await freePorts(4), settings, tls);
    await server.launch();
    return server;
  }

  get port(): number {
    return this.#ports[0] ?? 0;
  }

  get address(): string {
    return `${this.#tls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  async launch(): Promise<void> {
    const [http, lan, wan, server] = this.#ports;
    const arguments_ = [
      'agent',
      '-server',
      '-bootstrap-expect=1',
      `-data-dir=${this.#folder}`,
      '-bind=127.0.0.1',
      '-client=127.0.0.1',
      `-http-port=${this.#tls ? -1 : http}`,
      `-serf-lan-port=${lan}`,
      `-serf-wan-port=${wan}`,
      `-server-port=${server}`,
      '-dns-port=-1',
      '-log-level=err',
      ...[
        'disable_update_check = true',
        'performance { raft_multiplier = 1 }',
        ...this.#settings,
        ...(this.#tls ? settingsOf(this.#tls, http) : []),
      ].map((text) => `-hcl=${text}`),
    ];
    this.#child = spawn(program ?? '', arguments_, {
      stdio: 'ignore',
      env: { ...process.env, GOMAXPROCS: '2' },
    });
    await eventually('Consul to serve', () => this.#serves(), { timeoutMs: 60_000 });
  }

  async kill9(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async close(): Promise<void> {
    await this.kill9();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #serves(): Promise<boolean> {
    const url = `${this.address}/v1/kv/serves`;
    const client = createHttpClient({ tls: this.#tls?.client });
    try {
      const { status } = await client.request({ method: 'PUT', url, body: 'yes' });
      // 403: it does, to those it knows.
      return status === 200 || status === 403;
    } finally {
      await client.close();
    }
  }
}

function settingsOf({ ca, cert, key }: ConsulTls, port: number | undefined): string[] {
  return [
    `ports { https = ${port} }`,
    `ca_file = "${ca}"`,
    `cert_file = "${cert}"`,
    `key_file = "${key}"`,
    'verify_incoming_https = true',
  ];
}
