import { ipText } from '../ip-text.ts';
import { DatagramControl } from '../datagram-control.ts';
import type { DatagramOptions, DatagramSockets, LentSocket } from '../datagram-sockets.ts';
import type { ReturnAddress } from '../datagrams.ts';
import type { Peer } from '../types.ts';
import * as c from './constants.ts';
import { systemError } from './libc.ts';
import type { Libc } from './libc.ts';
import { PinnedMemory, putPacketInfo, putSockaddr } from './memory.ts';

/** Room for a burst; the system may grant less (net.core.rmem_max, wmem_max). */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** How long a loop sleeps at most before it looks at the word that says stop. */
const WAKE_MS = 200;
const MAX_PAYLOAD = 65_507;

const NAME = 0;
const VALUE = 64;
const CONTROL = 128;
const HEADER = 192;
const IOV = 256;
const PAYLOAD = 320;

/**
 * Sockets that share one address and port (SO_REUSEPORT), taken over from another process or opened. Throws a system error
 * when the address cannot be bound.
 */
export class LinuxSockets implements DatagramSockets {
  readonly engine = 'linux';
  readonly reason: string;
  readonly address: Peer;
  readonly workers: number;
  readonly #libc: Libc;
  readonly #memory: PinnedMemory;
  readonly #family: 4 | 6;
  readonly #wildcard: boolean;
  readonly #gatherUs: number;
  readonly #control: DatagramControl;
  readonly #fds: number[] = [];
  readonly #atExit = (): void => this.stop();

  constructor(libc: Libc, options: DatagramOptions, reason: string) {
    this.#libc = libc;
    this.reason = reason;
    this.workers = Math.max(1, options.workers);
    this.#memory = new PinnedMemory(libc, PAYLOAD + MAX_PAYLOAD + 1);
    this.#family = options.host.includes(':') ? 6 : 4;
    this.#gatherUs = options.gatherUs ?? 0;
    this.#wildcard = options.host === '0.0.0.0' || options.host === '::';
    this.#control = DatagramControl.forWorkers(this.workers);
    try {
      this.address = this.#open(options);
    } catch (error) {
      this.#closeAll();
      throw error;
    }
    // A process that ends waits for its threads, and these would never come back.
    process.once('exit', this.#atExit);
  }

  #open({ host, port, inherited }: DatagramOptions): Peer {
    let address = this.#adopt(inherited?.take('udp', host, port) ?? []);
    for (let worker = this.#fds.length; worker < this.workers; worker++) {
      const fd = this.#call('socket', () => this.#libc.socket(...this.#kind()));
      this.#fds.push(fd);
      this.#configure(fd);
      // The first one binds alone, so that a port that is taken is an error also where its holder shares it.
      if (address) this.#set(fd, c.SOL_SOCKET, c.SO_REUSEPORT, 1);
      const length = putSockaddr(this.#memory, NAME, this.#family, address ?? { ip: host, port });
      this.#call('bind', () => this.#libc.bind(fd, this.#memory.pointer(NAME), length));
      if (!address) this.#set(fd, c.SOL_SOCKET, c.SO_REUSEPORT, 1);
      address ??= this.#nameOf(fd);
    }
    return address as Peer;
  }

  /**
   * One for each worker; those that are too many are closed. Who reads from them beside us goes on, and may have them
   * non-blocking.
   */
  #adopt(fds: readonly number[]): Peer | undefined {
    for (const fd of fds.slice(this.workers)) this.#libc.close(fd);
    this.#fds.push(...fds.slice(0, this.workers));
    for (const fd of this.#fds) {
      this.#call('fcntl', () => this.#libc.fcntl(fd, c.F_SETFL, 0));
      this.#configure(fd);
    }
    const [first] = this.#fds;
    return first === undefined ? undefined : this.#nameOf(first);
  }

  #kind(): [number, number, number] {
    return [this.#family === 4 ? c.AF_INET : c.AF_INET6, c.SOCK_DGRAM | c.SOCK_CLOEXEC, 0];
  }

  #configure(fd: number): void {
    this.#set(fd, c.SOL_SOCKET, c.SO_RCVBUF, BUFFER_BYTES);
    this.#set(fd, c.SOL_SOCKET, c.SO_SNDBUF, BUFFER_BYTES);
    // struct timeval: seconds, microseconds.
    this.#set(fd, c.SOL_SOCKET, c.SO_RCVTIMEO, 0, 0, WAKE_MS * 1000, 0);
    if (this.#family === 6) {
      this.#set(fd, c.IPPROTO_IPV6, c.IPV6_V6ONLY, this.#wildcard ? 0 : 1);
      this.#set(fd, c.IPPROTO_IPV6, c.IPV6_MTU_DISCOVER, c.PMTUDISC_OMIT);
      if (this.#wildcard) this.#set(fd, c.IPPROTO_IPV6, c.IPV6_RECVPKTINFO, 1);
    }
    if (this.#family === 4 || this.#wildcard) this.#set(fd, c.IPPROTO_IP, c.IP_MTU_DISCOVER, c.PMTUDISC_OMIT);
    if (this.#family === 4 && this.#wildcard) this.#set(fd, c.IPPROTO_IP, c.IP_PKTINFO, 1);
  }

  #set(fd: number, level: number, name: number, ...words: number[]): void {
    this.#memory.words.set(words, VALUE >> 2);
    const value = this.#memory.pointer(VALUE);
    this.#call('setsockopt', () => this.#libc.setsockopt(fd, level, name, value, words.length * 4));
  }

  #nameOf(fd: number): Peer {
    const { bytes, words } = this.#memory;
    words[VALUE >> 2] = c.SOCKADDR.V6_BYTES;
    this.#call('getsockname', () =>
      this.#libc.getsockname(fd, this.#memory.pointer(NAME), this.#memory.pointer(VALUE)),
    );
    const port =
      ((bytes[NAME + c.SOCKADDR.PORT] as number) << 8) | (bytes[NAME + c.SOCKADDR.PORT + 1] as number);
    const ip =
      this.#family === 4 ? ipText(bytes, NAME + c.SOCKADDR.V4, 4) : ipText(bytes, NAME + c.SOCKADDR.V6, 16);
    return { ip, port };
  }

  #call(name: string, f: () => number): number {
    const result = f();
    if (result < 0) throw systemError(name, this.#libc.errno());
    return result;
  }

  lend(worker: number): LentSocket {
    const fd = this.#fds[worker];
    if (fd === undefined) throw new RangeError(`there is no socket ${worker}`);
    const [family, wildcard, control] = [this.#family, this.#wildcard, this.#control.memory];
    const gatherUs = this.#gatherUs;
    return { data: { engine: 'linux', worker, fd, family, wildcard, control, gatherUs }, transfer: [] };
  }

  send(bytes: Uint8Array, to: ReturnAddress): void {
    const fd = this.#fds[to.socket];
    if (fd === undefined || to.port === 0 || bytes.length > MAX_PAYLOAD) return;
    const memory = this.#memory;
    const nameLength = putSockaddr(memory, NAME, this.#family, to);
    if (nameLength === 0) return;
    const controlLength = to.local === undefined ? 0 : putPacketInfo(memory, CONTROL, this.#family, to.local);
    memory.bytes.set(bytes, PAYLOAD);
    const header = HEADER >> 2;
    memory.putPointer(header + c.MMSGHDR.NAME, NAME);
    memory.words[header + c.MMSGHDR.NAME_LENGTH] = nameLength;
    memory.putPointer(header + c.MMSGHDR.IOV, IOV);
    memory.words[header + c.MMSGHDR.IOV_LENGTH] = 1;
    memory.putPointer(header + c.MMSGHDR.CONTROL, CONTROL);
    memory.words[header + c.MMSGHDR.CONTROL_LENGTH] = controlLength;
    memory.putPointer((IOV >> 2) + c.IOVEC.BASE, PAYLOAD);
    memory.words[(IOV >> 2) + c.IOVEC.LENGTH] = bytes.length;
    this.#libc.sendmsg(fd, memory.pointer(HEADER), c.MSG_DONTWAIT | c.MSG_NOSIGNAL);
  }

  counts(): ReturnType<DatagramControl['counts']> {
    return this.#control.counts();
  }

  stop(): void {
    // The loops look at it every WAKE_MS. `shutdown` would wake them at once, and all other processes that have these sockets.
    this.#control.stop();
  }

  async close(): Promise<void> {
    this.stop();
    process.off('exit', this.#atExit);
    this.#closeAll();
  }

  #closeAll(): void {
    for (const fd of this.#fds.splice(0)) this.#libc.close(fd);
  }
}
