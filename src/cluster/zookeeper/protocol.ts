import { JuteReader, JuteWriter } from './jute.ts';

/** Numbers of the ZooKeeper protocol (zookeeper.jute and ZooDefs of Apache ZooKeeper). */
const OP = { exists: 3, getData: 4, getChildren: 8, ping: 11, auth: 100, close: -11 } as const;
const XID = { event: -1, ping: -2, auth: -4 } as const;
const ERROR = { ok: 0, noNode: -101, noAuth: -102 } as const;
const EVENTS: ReadonlyMap<number, WatchEvent['kind']> = new Map([
  [1, 'created'],
  [2, 'deleted'],
  [3, 'data'],
  [4, 'children'],
]);

/** The first packet of a connection. `lastZxid`: a server that knows less than this refuses us. */
export function connectPacket(options: {
  readonly lastZxid: bigint;
  readonly sessionTimeoutMs: number;
}): Uint8Array {
  return new JuteWriter()
    .int(0) // protocol version
    .long(options.lastZxid)
    .int(options.sessionTimeoutMs)
    .long(0n) // session id: a new one
    .buffer(new Uint8Array(16)) // its password
    .bool(false) // a server that is cut off from the others will not do
    .packet();
}

/** What the server says to it; the timeout is its own choice, 0 when it gives no session. */
export function readConnected(packet: Uint8Array): { readonly sessionTimeoutMs: number } | undefined {
  const reader = new JuteReader(packet);
  reader.int();
  const sessionTimeoutMs = reader.int();
  reader.long();
  reader.buffer();
  return reader.failed ? undefined : { sessionTimeoutMs };
}

export const pingPacket: Uint8Array = new JuteWriter().int(XID.ping).int(OP.ping).packet();

/** Ends the session at once, so that the server need not wait for it to expire. */
export const closePacket: Uint8Array = new JuteWriter().int(0).int(OP.close).packet();

/** Digest authentication; `credentials` is `user:password`. */
export function authPacket(credentials: string): Uint8Array {
  return new JuteWriter()
    .int(XID.auth)
    .int(OP.auth)
    .int(0)
    .string('digest')
    .buffer(new TextEncoder().encode(credentials))
    .packet();
}

export type ReadOperation = 'exists' | 'getData' | 'getChildren';

/** One question; `watch`: be told once when the answer changes. `xid` numbers the questions of a connection, from 1. */
export function requestPacket(xid: number, op: ReadOperation, path: string, watch: boolean): Uint8Array {
  return new JuteWriter().int(xid).int(OP[op]).string(path).bool(watch).packet();
}

export interface WatchEvent {
  readonly kind: 'created' | 'deleted' | 'data' | 'children' | 'other';
  readonly path: string;
}

/** Why there is no answer. `failed`: for any other reason, with its number. */
export type Refusal = 'no-node' | 'no-auth' | 'failed';

export type Reply =
  | { readonly kind: 'event'; readonly event: WatchEvent }
  | { readonly kind: 'ping' }
  | { readonly kind: 'auth'; readonly ok: boolean }
  | {
      readonly kind: 'answer';
      readonly xid: number;
      readonly zxid: bigint;
      readonly refusal: { readonly reason: Refusal; readonly code: number } | undefined;
      readonly body: JuteReader;
    };

/** A packet after the first one; undefined when it is none of ZooKeeper's. */
export function readReply(packet: Uint8Array): Reply | undefined {
  const body = new JuteReader(packet);
  const [xid, zxid, code] = [body.int(), body.long(), body.int()];
  if (body.failed) return undefined;
  if (xid === XID.ping) return { kind: 'ping' };
  if (xid === XID.auth) return { kind: 'auth', ok: code === ERROR.ok };
  if (xid === XID.event) {
    const type = body.int();
    body.int(); // state of the connection, which we see ourselves
    const path = body.string();
    return body.failed ? undefined : { kind: 'event', event: { kind: EVENTS.get(type) ?? 'other', path } };
  }
  const refusal = code === ERROR.ok ? undefined : { reason: reasonOf(code), code };
  return { kind: 'answer', xid, zxid, refusal, body };
}

function reasonOf(code: number): Refusal {
  if (code === ERROR.noNode) return 'no-node';
  return code === ERROR.noAuth ? 'no-auth' : 'failed';
}
