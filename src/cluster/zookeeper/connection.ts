import type { Clock, Timer } from '../../core/clock.ts';
import type { ZooKeeperServer } from './address.ts';
import type { Dial, Wire } from './dial.ts';
import { PacketSplitter } from './jute.ts';
import type { JuteReader } from './jute.ts';
import {
  authPacket,
  closePacket,
  connectPacket,
  pingPacket,
  readConnected,
  readReply,
  requestPacket,
} from './protocol.ts';
import type { ReadOperation, Refusal, Reply, WatchEvent } from './protocol.ts';

/** The answer to one question. `lost`: the connection ended before it came. */
export type Answer =
  | { readonly ok: true; readonly body: JuteReader }
  | { readonly ok: false; readonly reason: Refusal | 'lost'; readonly text: string };

export interface ConnectionListener {
  /** The server gave us a session: questions may be asked. */
  onReady(): void;
  onWatch(event: WatchEvent): void;
  /** Comes exactly once, whoever ended it. */
  onClosed(reason: string): void;
}

export interface ConnectionParts {
  readonly server: ZooKeeperServer;
  readonly credentials: string | undefined;
  /** The newest transaction that we have seen anywhere; 0 for none. */
  readonly lastZxid: bigint;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly listener: ConnectionListener;
}

/** What we ask for; the server bounds it by its own settings. */
const SESSION_MS = 10_000;
/**
 * From the first packet of TCP to the session. A new session needs a quorum of the servers; and a server that has just
 * begun may take a connection and forget about it.
 */
const HANDSHAKE_MS = 4_000;

/**
 * One connection to one server, and one session with it: since we only read, a session has nothing that must outlive
 * its connection. Watches end with it as well.
 */
export class ZooKeeperConnection {
  readonly #parts: ConnectionParts;
  readonly #wire: Wire;
  readonly #splitter = new PacketSplitter();
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #timer: Timer;
  #ready = false;
  #closed = false;
  #xid = 0;
  #zxid: bigint;
  #heardMs: number;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#zxid = parts.lastZxid;
    this.#heardMs = parts.clock.monotonic();
    this.#timer = parts.clock.after(HANDSHAKE_MS, () => this.#end('no session in time'));
    this.#wire = parts.dial(parts.server, {
      onOpen: () =>
        this.#wire.write(connectPacket({ lastZxid: parts.lastZxid, sessionTimeoutMs: SESSION_MS })),
      onBytes: (bytes) => this.#take(bytes),
      onClose: (reason) => this.#over(reason),
    });
  }

  get zxid(): bigint {
    return this.#zxid;
  }

  /** Ask; `watch`: `onWatch` is told once when the answer changes. Never rejects. */
  read(op: ReadOperation, path: string, watch: boolean): Promise<Answer> {
    if (!this.#ready || this.#closed)
      return Promise.resolve({ ok: false, reason: 'lost', text: 'there is no session' });
    this.#xid = (this.#xid % 0x7fff_ffff) + 1;
    const xid = this.#xid;
    return new Promise((resolve) => {
      this.#asked.set(xid, resolve);
      this.#wire.write(requestPacket(xid, op, path, watch));
    });
  }

  /** End session and connection. */
  close(): void {
    if (this.#closed) return;
    if (this.#ready) {
      this.#wire.write(closePacket);
      this.#wire.end();
      this.#over('closed');
    } else this.#end('given up');
  }

  #take(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#heardMs = this.#parts.clock.monotonic();
    for (const packet of this.#splitter.push(bytes)) {
      if (this.#ready) this.#takeReply(readReply(packet));
      else this.#takeConnected(readConnected(packet));
      if (this.#closed) return;
    }
    if (this.#splitter.failed) this.#end('it does not speak ZooKeeper');
  }

  #takeConnected(connected: ReturnType<typeof readConnected>): void {
    if (!connected) return this.#end('it does not speak ZooKeeper');
    if (connected.sessionTimeoutMs <= 0) return this.#end('it gave us no session');
    this.#ready = true;
    this.#timer.cancel();
    const { clock, credentials, listener } = this.#parts;
    const thirdMs = connected.sessionTimeoutMs / 3;
    this.#timer = clock.every(thirdMs, () => {
      if (clock.monotonic() - this.#heardMs > 2 * thirdMs) this.#end('it fell silent');
      else this.#wire.write(pingPacket);
    });
    if (credentials !== undefined) this.#wire.write(authPacket(credentials));
    listener.onReady();
  }

  #takeReply(reply: Reply | undefined): void {
    if (!reply) return this.#end('it does not speak ZooKeeper');
    if (reply.kind === 'event') return this.#parts.listener.onWatch(reply.event);
    if (reply.kind === 'auth' && !reply.ok) return this.#end('it refuses the user and password');
    if (reply.kind !== 'answer') return;
    if (reply.zxid > this.#zxid) this.#zxid = reply.zxid;
    const resolve = this.#asked.get(reply.xid);
    if (!resolve) return this.#end('it answers what was not asked');
    this.#asked.delete(reply.xid);
    const { refusal } = reply;
    if (!refusal) resolve({ ok: true, body: reply.body });
    else resolve({ ok: false, reason: refusal.reason, text: REFUSALS[refusal.reason](refusal.code) });
  }

  #end(reason: string): void {
    this.#wire.destroy(reason);
    this.#over(reason);
  }

  #over(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.cancel();
    for (const resolve of this.#asked.values()) resolve({ ok: false, reason: 'lost', text: reason });
    this.#asked.clear();
    this.#parts.listener.onClosed(reason);
  }
}

const REFUSALS: Readonly<Record<Refusal, (code: number) => string>> = {
  'no-node': () => 'there is no such node',
  'no-auth': () => 'the node may not be read with these credentials',
  failed: (code) => `ZooKeeper refused with error ${code}`,
};
