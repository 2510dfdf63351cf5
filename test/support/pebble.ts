import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { FakeAuthority } from '../../src/lb/testing/fake-authority.ts';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';

export interface PebbleOptions {
  /** Where it looks for names, at 127.0.0.1 unless said otherwise by `address`. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** Of the certificates that it gives. */
  readonly lifeSeconds?: number;
  /** Names that it refuses to give certificates for. */
  readonly blocked?: readonly string[];
}

/** Pebble, the ACME server for tests of Let's Encrypt, and the DNS server that it asks (Debian: pebble). */
export class Pebble {
  /** URL. */
  readonly directory: string;
  /** File: the root of the directory's own certificate. */
  readonly ca: string;
  readonly #folder: string;
  readonly #management: string;
  readonly #children: ChildProcess[] = [];
  #server: ChildProcess | undefined;
  #arguments: readonly string[] = [];
  #output = '';

  private constructor(folder: string, directory: string, management: string) {
    this.#folder = folder;
    this.directory = directory;
    this.#management = management;
    this.ca = join(folder, 'ca.pem');
  }

  static async start({ httpPort, tlsPort, lifeSeconds, blocked = [] }: PebbleOptions): Promise<Pebble> {
    const [port, dns, management] = await freePorts(3);
    const folder = mkdtempSync(join(tmpdir(), 'rimrock-pebble-'));
    const pebble = new Pebble(folder, `https://localhost:${port}/dir`, `http://127.0.0.1:${management}`);
    const authority = new FakeAuthority(systemClock);
    const { certificateChain, privateKey } = authority.issue(['localhost', '127.0.0.1']);
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    file('ca.pem', authority.root);
    const config = {
      listenAddress: `127.0.0.1:${port}`,
      certificate: file('cert.pem', certificateChain),
      privateKey: file('key.pem', privateKey),
      httpPort,
      tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
      domainBlocklist: blocked,
      ...(lifeSeconds === undefined ? {} : { certificateValidityPeriod: lifeSeconds }),
    };
    const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', ''];
    pebble.#run('pebble-challtestsrv', [
      ...off,
      '-dns01',
      `127.0.0.1:${dns}`,
      '-management',
      `127.0.0.1:${management}`,
    ]);
    const settings = file('pebble.json', JSON.stringify({ pebble: config }));
    pebble.#arguments = ['-config', settings, '-dnsserver', `127.0.0.1:${dns}`];
    await pebble.#serve();
    await eventually('its DNS server to listen', async () => (await pebble.#manage('clear-txt', {})) && true);
    return pebble;
  }

  async #serve(): Promise<void> {
    this.#server = this.#run('pebble', this.#arguments);
    const port = Number(new URL(this.directory).port);
    await eventually('pebble to listen', async () => {
      const socket = connect(port, '127.0.0.1');
      try {
        await once(socket, 'connect');
        return true;
      } finally {
        socket.destroy();
      }
    });
  }

  /** It knows nothing any more of what was before: no account, no order. */
  async restart(): Promise<void> {
    if (this.#server !== undefined) await end(this.#server);
    await this.#serve();
  }

  /** The names that the authority looks for at this address from now on. */
  async address(name: string, address: string): Promise<void> {
    await this.#manage('add-a', { host: `${name}.`, addresses: [address] });
  }

  /** All that it has said so far. */
  get output(): string {
    return this.#output;
  }

  async #manage(what: string, body: object): Promise<boolean> {
    const response = await fetch(`${this.#management}/${what}`, {
      method: 'POST',
      body: JSON.stringify({ host: 'x.', ...body }),
    });
    return response.ok;
  }

  #run(command: string, arguments_: readonly string[]): ChildProcess {
    // Every fifth nonce is refused, as the authority may; it does not wait before it looks.
    const env = {
      ...process.env,
      PEBBLE_VA_NOSLEEP: '1',
      PEBBLE_WFE_NONCEREJECT: '20',
      PEBBLE_AUTHZREUSE: '0',
    };
    const child = spawn(command, arguments_, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.on('data', (piece: Buffer) => void (this.#output += piece.toString()));
    child.stderr.on('data', (piece: Buffer) => void (this.#output += piece.toString()));
    this.#children.push(child);
    return child;
  }

  async stop(): Promise<void> {
    for (const child of this.#children.splice(0)) await end(child);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
