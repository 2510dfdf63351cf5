import { createSocket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../../core/clock.ts';
import { ipv4Bytes, ipv6Bytes } from '../../core/ip.ts';
import { DatagramControl } from '../datagram-control.ts';
import type { DatagramCounts } from '../datagram-control.ts';
import type {
  DatagramOptions,
  DatagramSockets,
  LentSocket,
  LoopListener,
  PortableWorkerSocket,
} from '../datagram-sockets.ts';
import type { Datagram, DatagramHandler, ReturnAddress } from '../datagrams.ts';
import { addressesOf, isWildcard } from '../local-addresses.ts';
import type { DatagramSocket, Peer } from '../types.ts';
import { udpSocket } from './udp.ts';
import { UdpAtEachAddress } from './udp-at-each-address.ts';

/** The same limits as the linux engine has. */
const REQUEST_ROOM = 2048;
const REPLY_ROOM = 4096;

/** What the opener tells a worker. */
type Message = { readonly bytes: Uint8Array; readonly to: ReturnAddress } | 'stop';

/** What the sockets of the portable engine are opened with: node:dgram lives in the workers, here is only what leads there. */
export async function openPortable(options: DatagramOptions, reason: string): Promise<DatagramSockets> {
  const workers = options.workers > 1 && (await canShare()) ? options.workers : 1;
  const more = workers < options.workers ? '; one worker, because ports cannot be shared here' : '';
  // Workers bind later: so see first that the port is free, at all addresses, and which one it is.
  const probe = new UdpAtEachAddress({ udp: udpSocket, clock: NO_CLOCK, addressesOf, onMessage: () => {} });
  const inherited = inheritedAt(options, workers);
  if (inherited.some((sockets) => Object.keys(sockets).length > 0))
    return new PortableSockets({ ip: options.host, port: options.port }, workers, reason + more, inherited);
  const port = await probe.open(options.host, options.port);
  await probe.close();
  return new PortableSockets({ ip: options.host, port }, workers, reason + more);
}

/** For each worker, by address, the socket that it gets. */
function inheritedAt({ host, port, inherited }: DatagramOptions, workers: number): Record<string, number>[] {
  const dealt = Array.from({ length: workers }, (): Record<string, number> => ({}));
  if (!inherited) return dealt;
  for (const ip of addressesOf(host))
    for (const [i, fd] of inherited.take('udp', ip, port).entries()) {
      const worker = dealt[i];
      if (worker) worker[ip] = fd;
      else closeSync(fd);
    }
  return dealt;
}

/** The probe is closed before the first tick. */
const NO_CLOCK: Pick<Clock, 'every'> = { every: () => ({ cancel: () => {} }) };

class PortableSockets implements DatagramSockets {
  readonly engine = 'portable';
  readonly address: Peer;
  readonly workers: number;
  readonly reason: string;
  readonly #control: DatagramControl;
  readonly #ports = new Map<number, MessagePort>();

  /** Not lent yet. */
  readonly #inherited: Record<string, number>[];

  constructor(address: Peer, workers: number, reason: string, inherited: Record<string, number>[] = []) {
    this.#inherited = inherited;
    this.address = address;
    this.workers = workers;
    this.reason = reason;
    this.#control = DatagramControl.forWorkers(workers);
  }

  lend(worker: number): LentSocket {
    if (!(worker >= 0 && worker < this.workers)) throw new RangeError(`there is no socket ${worker}`);
    const { port1, port2 } = new MessageChannel();
    port1.unref();
    this.#ports.get(worker)?.close();
    this.#ports.set(worker, port1);
    const { ip: host, port } = this.address;
    const control = this.#control.memory;
    const reusePort = this.workers > 1;
    // A worker that dies takes them along.
    const descriptors = this.#inherited[worker] ?? {};
    this.#inherited[worker] = {};
    return {
      data: { engine: 'portable', worker, host, port, reusePort, control, messages: port2, descriptors },
      transfer: [port2],
    };
  }

  send(bytes: Uint8Array, to: ReturnAddress): void {
    this.#tell(to.socket, { bytes, to });
  }

  #tell(worker: number, message: Message): void {
    this.#ports.get(worker)?.postMessage(message);
  }

  counts(): DatagramCounts {
    return this.#control.counts();
  }

  stop(): void {
    this.#control.stop();
    for (const worker of this.#ports.keys()) this.#tell(worker, 'stop');
  }

  async close(): Promise<void> {
    this.stop();
    for (const port of this.#ports.values()) port.close();
    this.#ports.clear();
  }
}

/** Whether this system lets several sockets share a UDP port and spreads datagrams over them. */
async function canShare(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket({ type: 'udp4', reusePort: true });
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ address: '127.0.0.1', port: 0 }, () => {
      socket.close();
      resolve(true);
    });
  });
}

/** The worker's side: binds, answers datagram by datagram, and resolves when told to stop. Rejects when the port cannot be bound. */
export async function receivePortable(
  lent: PortableWorkerSocket,
  handler: DatagramHandler,
  listener: LoopListener,
  clock: Clock,
): Promise<void> {
  const answering = new Answering(lent, handler, listener);
  const descriptors = new Map(Object.entries(lent.descriptors));
  const sockets = new UdpAtEachAddress({
    udp: (options, onMessage) => {
      const descriptor = descriptors.get(options.host);
      descriptors.delete(options.host);
      return udpSocket(descriptor === undefined ? options : { ...options, descriptor }, onMessage);
    },
    clock,
    addressesOf,
    onMessage: (bytes, from, socket) => answering.take(bytes, from, socket),
    reusePort: lent.reusePort,
  });
  const stopped = new Promise<void>((resolve) => {
    lent.messages.on('message', (message: Message) => {
      if (message === 'stop') resolve();
      else sockets.at(message.to.local)?.send(message.bytes, message.to);
    });
    lent.messages.once('close', () => resolve());
  });
  try {
    await sockets.open(lent.host, lent.port);
    listener.onListening();
    if (!new DatagramControl(lent.control).stopped) await stopped;
  } finally {
    await sockets.close();
    lent.messages.close();
  }
}

/** From what node:dgram delivers to what a handler expects, one datagram at a time. */
class Answering {
  readonly #lent: PortableWorkerSocket;
  readonly #handler: DatagramHandler;
  readonly #listener: LoopListener;
  readonly #counters: ReturnType<DatagramControl['counters']>;
  readonly #datagram: Datagram;
  #from: Peer = { ip: '', port: 0 };
  #socket: DatagramSocket | undefined;

  constructor(lent: PortableWorkerSocket, handler: DatagramHandler, listener: LoopListener) {
    this.#lent = lent;
    this.#handler = handler;
    this.#listener = listener;
    this.#counters = new DatagramControl(lent.control).counters(lent.worker);
    const nothing = new Uint8Array(0);
    this.#datagram = {
      request: nothing,
      start: 0,
      end: 0,
      reply: new Uint8Array(REPLY_ROOM),
      replyAt: 0,
      replyRoom: REPLY_ROOM,
      address: nothing,
      addressAt: 0,
      addressBytes: 4,
      port: 0,
    };
  }

  take(bytes: Uint8Array, from: Peer, socket: DatagramSocket): void {
    const datagram = this.#datagram;
    this.#counters.received += 1;
    const address = ipv4Bytes(from.ip) ?? ipv6Bytes(from.ip.split('%')[0] ?? '');
    if (bytes.length > REQUEST_ROOM || from.port === 0 || !address) {
      this.#counters.refused += 1;
      return;
    }
    datagram.request = bytes;
    datagram.end = bytes.length;
    datagram.address = address;
    datagram.addressBytes = address.length === 4 ? 4 : 16;
    datagram.port = from.port;
    this.#from = from;
    this.#socket = socket;
    this.#handler.begin();
    const length = this.#answer();
    if (length > 0) {
      socket.send(datagram.reply.subarray(0, length), from);
      this.#counters.sent += 1;
    }
    this.#handler.end();
  }

  #answer(): number {
    try {
      this.#handler.look?.(this.#datagram, 0);
      this.#handler.looked?.(1);
      const length = this.#handler.handle(this.#datagram, this.#returnAddress, 0);
      if (length === 0 || (length > 0 && length <= REPLY_ROOM)) return length;
      throw new RangeError(`a reply of ${length} bytes`);
    } catch (error) {
      this.#counters.faults += 1;
      this.#listener.onFault(error);
      return 0;
    }
  }

  readonly #returnAddress = (): ReturnAddress => ({
    socket: this.#lent.worker,
    ip: this.#from.ip,
    port: this.#from.port,
    local: isWildcard(this.#lent.host) ? this.#socket?.address.ip : undefined,
  });
}
