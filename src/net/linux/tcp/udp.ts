import { errorText } from '../../../core/errors.ts';
import { netErrors } from '../../errors.ts';
import type { DatagramSocket, ListenOptions, Peer } from '../../types.ts';
import * as c from '../constants.ts';
import { systemError } from '../libc.ts';
import { EPOLLIN, SOCK_NONBLOCK } from './constants.ts';
import type { Pollable } from './loop.ts';
import { READ_BYTES } from './streams.ts';
import type { Streams } from './streams.ts';

/** Datagrams taken at once, so that connections have their turn. */
const MOST_AT_ONCE = 64;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** A datagram socket on the loop of the streams, one system call per datagram. `../loop.ts` is the fast way for DNS. */
export class LoopUdp implements Pollable, DatagramSocket {
  slot = -1;
  generation = 0;
  readonly address: Peer;
  readonly #streams: Streams;
  readonly #fd: number;
  readonly #family: 4 | 6;
  readonly #onMessage: (bytes: Uint8Array, from: Peer) => void;
  #closed = false;

  /** Throws NET_LISTEN_FAILED. */
  constructor(
    streams: Streams,
    options: ListenOptions,
    ip: string,
    onMessage: (bytes: Uint8Array, from: Peer) => void,
  ) {
    this.#streams = streams;
    this.#onMessage = onMessage;
    this.#family = ip.includes(':') ? 6 : 4;
    const { calls } = streams;
    const kind = c.SOCK_DGRAM | SOCK_NONBLOCK | c.SOCK_CLOEXEC;
    this.#fd = calls.socket(this.#family === 4 ? c.AF_INET : c.AF_INET6, kind, 0);
    try {
      if (this.#fd < 0) throw systemError('socket', calls.errno());
      this.#bind(options, ip);
      this.address = streams.localOf(this.#fd);
      streams.loop.add(this, this.#fd, EPOLLIN);
    } catch (error) {
      if (this.#fd >= 0) calls.close(this.#fd);
      const { host, port } = options;
      throw netErrors.NET_LISTEN_FAILED({ protocol: 'udp', host, port, reason: errorText(error) }, error);
    }
  }

  #bind(options: ListenOptions, ip: string): void {
    const streams = this.#streams;
    streams.setInt(this.#fd, c.SOL_SOCKET, c.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    if (options.reusePort) streams.setInt(this.#fd, c.SOL_SOCKET, c.SO_REUSEPORT, 1);
    const length = streams.putName(this.#family, { ip, port: options.port });
    if (length === 0) throw new Error(`${ip} is not an address`);
    if (streams.calls.bind(this.#fd, streams.namePointer, length) < 0)
      throw systemError('bind', streams.calls.errno());
  }

  onEvents(): void {
    const streams = this.#streams;
    for (let i = 0; i < MOST_AT_ONCE && !this.#closed; i++) {
      const count = streams.calls.recvfrom(
        this.#fd,
        streams.readPointer,
        READ_BYTES,
        0,
        streams.namePointer,
        streams.roomForName(),
      );
      if (count < 0) return; // nothing more, or a refusal that is no news to a server
      this.#onMessage(new Uint8Array(streams.readBuffer, streams.readAt, count), streams.takeName());
    }
  }

  send(bytes: Uint8Array, to: Peer): void {
    if (this.#closed || to.port === 0) return;
    const streams = this.#streams;
    const length = streams.putName(this.#family, to);
    if (length === 0) return;
    const pointer = streams.pointerTo(bytes);
    streams.calls.sendto(this.#fd, pointer, bytes.length, c.MSG_NOSIGNAL, streams.namePointer, length);
  }

  onAgain(): void {}
  onTurnEnd(): void {}

  onLoopEnd(): void {
    void this.close();
  }

  onFault(error: unknown): void {
    this.#streams.loop.log.error({ error }, 'datagram handler failed');
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#streams.loop.close(this, this.#fd);
  }
}
