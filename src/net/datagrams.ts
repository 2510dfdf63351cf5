/**
 * Datagrams in batches, for servers that answer most of them at once: the contract between an engine's receiving loop and what
 * answers. Nothing is allocated per datagram: one `Datagram` is filled again for each.
 */
export interface Datagram {
  /** The message is `request[start, end)`, valid during the call only. */
  request: Uint8Array;
  start: number;
  end: number;
  /** The reply goes to `reply[replyAt, replyAt + replyRoom)`. */
  reply: Uint8Array;
  replyAt: number;
  replyRoom: number;
  /** Who sent it: 4 or 16 bytes at `address[addressAt]` (IPv4 in IPv6 is given as 4 bytes). */
  address: Uint8Array;
  addressAt: number;
  addressBytes: 4 | 16;
  port: number;
}

/** What answers. It runs on the loop's thread and must not throw; a loop that catches one drops that datagram and goes on. */
export interface DatagramHandler {
  /** Before the first datagram of a batch. */
  begin(): void;
  /**
   * Every datagram of the batch, the `i`th, before the first is handled; of one that is alone as well. For those who want to
   * know what is needed for all of them before they begin. `datagram` may have nowhere to reply to yet.
   */
  look?(datagram: Datagram, i: number): void;
  /** All `count` were looked at. */
  looked?(count: number): void;
  /**
   * The `i`th of the batch. Returns how many bytes of reply to send, or 0 for none (now): to answer later, keep a copy of
   * `returnAddress()`.
   */
  handle(datagram: Datagram, returnAddress: () => ReturnAddress, i: number): number;
  /** After the last one of a batch, when its replies have left. */
  end(): void;
}

/** Where a reply that comes later goes: plain data that can be posted to the thread that owns the socket. */
export interface ReturnAddress {
  /** Which of the sockets it arrived at. */
  readonly socket: number;
  readonly ip: string;
  readonly port: number;
  /** The address of ours that was asked, which the reply must leave from; undefined where the socket knows. */
  readonly local: string | undefined;
}
