import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JuteWriter, PacketSplitter } from '../../src/cluster/zookeeper/jute.ts';
import { connectPacket, readConnected, readReply } from '../../src/cluster/zookeeper/protocol.ts';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';
import { has } from './peers.ts';

/** Where Debian puts it (package `zookeeper`). */
const JAR = '/usr/share/java/zookeeper.jar';

export const hasZooKeeper = has('java') && existsSync(JAR);

/** A real Apache ZooKeeper: one server, or several that form an ensemble. */
export class Ensemble {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rimrock-zookeeper-'));
  readonly #processes: (ChildProcess | undefined)[] = [];
  readonly #ports: number[];

  private constructor(ports: number[]) {
    this.#ports = ports;
  }

  static async start(servers = 1): Promise<Ensemble> {
    const ports = await freePorts(servers === 1 ? 1 : servers * 3);
    const ensemble = new Ensemble(ports);
    for (let i = 0; i < servers; i++) ensemble.#configure(i, servers);
    for (let i = 0; i < servers; i++) ensemble.launch(i);
    await ensemble.serving();
    return ensemble;
  }

  /** `host:port,host:port` of all servers. */
  get servers(): string {
    return this.#processes.map((_, i) => `127.0.0.1:${this.#ports[i]}`).join(',');
  }

  launch(i = 0): void {
    const flags =
      '-Xmx128m -Xms32m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dzookeeper.admin.enableServer=false';
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    const file = join(this.#folder, `${i}.cfg`);
    this.#processes[i] = spawn('java', [...flags.split(' '), '-cp', JAR, main, file], { stdio: 'ignore' });
  }

  async kill9(i = 0): Promise<void> {
    const child = this.#processes[i];
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  /** Resolves when a session is to be had. */
  async serving(): Promise<void> {
    await eventually('ZooKeeper to serve', async () => (await this.writer()).close(), {
      timeoutMs: 30_000,
      accept: () => true,
    });
  }

  /** A session that writes, with the first server that gives one. */
  async writer(credentials?: string): Promise<Writer> {
    let last: unknown;
    for (const i of this.#processes.keys()) {
      try {
        return await Writer.open(this.#ports[i] ?? 0, credentials);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  async close(): Promise<void> {
    for (const i of this.#processes.keys()) await this.kill9(i);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #configure(i: number, servers: number): void {
    const data = join(this.#folder, `data${i}`);
    mkdirSync(data);
    writeFileSync(join(data, 'myid'), String(i + 1));
    const peers = Array.from({ length: servers === 1 ? 0 : servers }, (_, j) => {
      const [peer, election] = [this.#ports[servers + 2 * j], this.#ports[servers + 2 * j + 1]];
      return `server.${j + 1}=127.0.0.1:${peer}:${election}`;
    });
    const lines = [
      'tickTime=500',
      'initLimit=20',
      'syncLimit=10',
      `dataDir=${data}`,
      `clientPort=${this.#ports[i]}`,
      'clientPortAddress=127.0.0.1',
      'maxClientCnxns=0',
      ...peers,
    ];
    writeFileSync(join(this.#folder, `${i}.cfg`), lines.join('\n'));
    this.#processes[i] = undefined;
  }
}

const OP = { create: 1, delete: 2 } as const;

/** The calls that our own client does not have, on a session of its own. */
export class Writer {
  readonly #socket: Socket;
  readonly #waiting: ((packet: Uint8Array) => void)[] = [];
  readonly #failed: Promise<never>;
  #xid = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const splitter = new PacketSplitter();
    socket.on('data', (bytes) => {
      for (const packet of splitter.push(bytes)) this.#waiting.shift()?.(packet);
    });
    socket.on('error', () => {});
    this.#failed = once(socket, 'close').then(() => {
      throw new Error('ZooKeeper closed the connection');
    });
    this.#failed.catch(() => {});
  }

  static async open(port: number, credentials?: string): Promise<Writer> {
    const socket = connect({ host: '127.0.0.1', port });
    await once(socket, 'connect');
    // A server that has just begun may take a connection and forget about it.
    socket.setTimeout(1_000, () => socket.destroy());
    const writer = new Writer(socket);
    const packet = await writer.#ask(connectPacket({ lastZxid: 0n, sessionTimeoutMs: 5_000 }));
    if (!readConnected(packet)?.sessionTimeoutMs) throw new Error('no session');
    socket.setTimeout(0);
    if (credentials !== undefined) {
      const auth = new JuteWriter().int(-4).int(100).int(0).string('digest').buffer(Buffer.from(credentials));
      await writer.#ask(auth.packet());
    }
    return writer;
  }

  /** `owner`: `user:password` of the only one who may read it. `ephemeral`: gone with this session. */
  async create(
    path: string,
    data: string | Uint8Array = '',
    options: { readonly owner?: string; readonly ephemeral?: boolean } = {},
  ): Promise<void> {
    const { owner, ephemeral = false } = options;
    const [scheme, id] = owner === undefined ? ['world', 'anyone'] : ['digest', digestOf(owner)];
    const request = this.#header(OP.create)
      .string(path)
      .buffer(Buffer.from(data))
      .int(1)
      .int(31)
      .string(scheme)
      .string(id)
      .int(ephemeral ? 1 : 0);
    await this.#call(request, `create ${path}`);
  }

  async delete(path: string): Promise<void> {
    await this.#call(this.#header(OP.delete).string(path).int(-1), `delete ${path}`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #header(op: number): JuteWriter {
    return new JuteWriter().int(++this.#xid).int(op);
  }

  async #call(request: JuteWriter, what: string): Promise<void> {
    const reply = readReply(await this.#ask(request.packet()));
    if (reply?.kind !== 'answer' || reply.refusal)
      throw new Error(`${what}: ${reply?.kind === 'answer' ? reply.refusal?.code : 'no answer'}`);
  }

  #ask(packet: Uint8Array): Promise<Uint8Array> {
    this.#socket.write(packet);
    const answer = new Promise<Uint8Array>((resolve) => void this.#waiting.push(resolve));
    return Promise.race([answer, this.#failed]);
  }
}

function digestOf(owner: string): string {
  return `${owner.split(':')[0]}:${createHash('sha1').update(owner).digest('base64')}`;
}

/** What a master of today writes about itself. */
export function jsonInfo(address: string): string {
  const [ip, port] = address.split(':');
  const info = { address: { hostname: 'not.used', ip, port: Number(port) }, hostname: 'not.used', id: 'i' };
  return JSON.stringify({
    ...info,
    ip: 16_777_343,
    pid: `master@${address}`,
    port: Number(port),
    version: '1.11.0',
  });
}

/** The same in protobuf, as masters before 0.24 do: `newer` with the field `address`, else with `ip` and `port` alone. */
export function protobufInfo(address: string, newer = true): Uint8Array {
  const [ip = '', port = ''] = address.split(':');
  const number = BigInt(ip.split('.').reduceRight((sum, part) => sum * 256 + Number(part), 0));
  const text = (field: number, value: Uint8Array): number[] => [field * 8 + 2, value.length, ...value];
  const inner = Uint8Array.from([...text(2, Buffer.from(ip)), 3 * 8, ...varint(BigInt(port))]);
  return Uint8Array.from([
    ...text(1, Buffer.from('an-id')),
    2 * 8,
    ...varint(number),
    3 * 8,
    ...varint(BigInt(port)),
    ...text(4, Buffer.from(`master@${address}`)),
    ...(newer ? text(7, inner) : []),
  ]);
}

function varint(value: bigint): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...out, Number(rest)];
    out.push(Number(rest & 127n) | 128);
  }
}
