import { copyOf } from '../../core/bytes.ts';
import type { ClientHello } from '../types.ts';

/** Longest first message of a client, in bytes, its records' heads included; real ones have less than 3,000. */
export const MOST_HELLO_BYTES = 16 * 1024;

const RECORD_HEAD = 5;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const MOST_RECORD_BYTES = 2 ** 14;
/** Message head, version, random. */
const SESSION_ID_AT = 4 + 2 + 32;

const SERVER_NAME = 0;
const ALPN = 16;
const SESSION_TICKET = 35;
const PRE_SHARED_KEY = 41;
const HOST_NAME = 0;
const TICKET_NAME_BYTES = 16;

/** What a ClientHello says, with what an engine needs beyond that. */
export interface ParsedHello extends ClientHello {
  /** The name of the key that the first ticket shown is encrypted with (RFC 5077 §4); undefined without a ticket. */
  readonly ticketKeyName: Uint8Array | undefined;
}

export type HelloResult =
  | { readonly kind: 'hello'; readonly hello: ParsedHello }
  | { readonly kind: 'incomplete' }
  /** These bytes never become one; `reason` is for people. */
  | { readonly kind: 'failed'; readonly reason: string };

const INCOMPLETE: HelloResult = { kind: 'incomplete' };
const failed = (reason: string): HelloResult => ({ kind: 'failed', reason });
const EMPTY = new Uint8Array();
const MALFORMED = failed('malformed ClientHello');

/**
 * Read a ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2) from all bytes that a connection has brought so far. It may lie in
 * several records; what follows it is left alone. Never throws.
 */
export function parseHello(bytes: Uint8Array): HelloResult {
  if (bytes.length === 0) return INCOMPLETE;
  if (bytes[0] !== HANDSHAKE) return notTls(bytes);
  const message = new Fragments(bytes.length);
  for (let at = 0; ;) {
    const checked = checkRecordHead(bytes, at);
    if (checked !== undefined) return checked;
    const end = at + RECORD_HEAD + word(bytes, at + 3);
    message.add(bytes.subarray(at + RECORD_HEAD, Math.min(end, bytes.length)));
    const { all } = message;
    const checkedMessage = checkMessageHead(all);
    if (checkedMessage !== undefined) return checkedMessage;
    if (all.length >= 4 && all.length >= 4 + triple(all, 1))
      return parseMessage(all.subarray(0, 4 + triple(all, 1)));
    if (end >= bytes.length) return bytes.length > MOST_HELLO_BYTES ? tooLong() : INCOMPLETE;
    at = end;
  }
}

/** Whether a connection that begins so speaks TLS, or means to. */
export const beginsTls = (bytes: Uint8Array): boolean => bytes[0] === HANDSHAKE;

/** A message out of its records. The usual one lies in one record and is not copied; many tiny ones cost no more than their bytes. */
class Fragments {
  all: Uint8Array = EMPTY;
  readonly #most: number;
  #joined: Uint8Array | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  add(part: Uint8Array): void {
    if (this.all.length === 0) {
      this.all = part;
      return;
    }
    if (this.#joined === undefined) {
      this.#joined = new Uint8Array(this.#most);
      this.#joined.set(this.all);
    }
    const { length } = this.all;
    this.#joined.set(part, length);
    this.all = this.#joined.subarray(0, length + part.length);
  }
}

const tooLong = (): HelloResult => failed('ClientHello longer than 16 KiB');

/** Who else speaks here; for people who look for a mistake. */
function notTls(bytes: Uint8Array): HelloResult {
  const first = bytes[0] as number;
  if ((first & 0x80) !== 0) {
    if (bytes.length < 3) return INCOMPLETE;
    return failed(bytes[2] === CLIENT_HELLO ? 'SSL 2.0 ClientHello' : 'not TLS');
  }
  const isLetter = first >= 0x41 && first <= 0x5a;
  return failed(isLetter ? 'not TLS, maybe plain HTTP' : 'not TLS');
}

/** Of the record at `at`: why there is no going on, or undefined. */
function checkRecordHead(bytes: Uint8Array, at: number): HelloResult | undefined {
  const left = bytes.length - at;
  if (left > 0 && bytes[at] !== HANDSHAKE) return failed('another record in the middle of the ClientHello');
  if (left > 1 && bytes[at + 1] !== 3) return failed('not TLS');
  if (left < RECORD_HEAD) return bytes.length > MOST_HELLO_BYTES ? tooLong() : INCOMPLETE;
  const length = word(bytes, at + 3);
  // Empty ones could go on for ever (RFC 8446 §5.1).
  if (length === 0 || length > MOST_RECORD_BYTES) return failed('malformed record');
  return undefined;
}

function checkMessageHead(message: Uint8Array): HelloResult | undefined {
  if (message.length > 0 && message[0] !== CLIENT_HELLO) return failed('no ClientHello at first');
  if (message.length >= 4 && triple(message, 1) > MOST_HELLO_BYTES - RECORD_HEAD - 4) return tooLong();
  return undefined;
}

function parseMessage(m: Uint8Array): HelloResult {
  let at = skipBlock(m, SESSION_ID_AT, 1);
  if (at > 0) at = skipBlock(m, at, 2); // cipher suites
  if (at > 0) at = skipBlock(m, at, 1); // compression methods
  if (at < 0) return MALFORMED;
  const hello = new Extensions();
  if (at < m.length && !hello.read(m, at)) return MALFORMED;
  const { serverName, alpn, ticketKeyName } = hello;
  return { kind: 'hello', hello: { serverName, alpn: alpn ?? [], ticketKeyName } };
}

/** Behind a block that begins with its length in `width` bytes; -1 when it does not fit. */
function skipBlock(m: Uint8Array, at: number, width: 1 | 2): number {
  if (at + width > m.length) return -1;
  const length = width === 1 ? (m[at] as number) : word(m, at);
  const end = at + width + length;
  return end <= m.length ? end : -1;
}

/** The extensions that somebody here wants to know. Others, GREASE (RFC 8701) among them, are passed over. */
class Extensions {
  serverName: string | undefined;
  alpn: string[] | undefined;
  ticketKeyName: Uint8Array | undefined;

  /** False: they do not fit together. */
  read(m: Uint8Array, start: number): boolean {
    if (skipBlock(m, start, 2) !== m.length) return false;
    for (let at = start + 2; at < m.length;) {
      if (at + 4 > m.length) return false;
      const end = skipBlock(m, at + 2, 2);
      if (end < 0 || !this.#one(word(m, at), m.subarray(at + 4, end))) return false;
      at = end;
    }
    return true;
  }

  #one(type: number, body: Uint8Array): boolean {
    if (type === SERVER_NAME) return this.#serverName(body);
    if (type === ALPN) return this.#alpn(body);
    if (type === SESSION_TICKET) this.#ticket(body);
    if (type === PRE_SHARED_KEY) return this.#preSharedKey(body);
    return true;
  }

  /** RFC 6066 §3: a list, in practice of one. */
  #serverName(body: Uint8Array): boolean {
    if (this.serverName !== undefined || skipBlock(body, 0, 2) !== body.length) return false;
    for (let at = 2; at < body.length;) {
      const end = skipBlock(body, at + 1, 2);
      if (end < 0) return false;
      if (body[at] === HOST_NAME) {
        const name = hostName(body.subarray(at + 3, end));
        if (name === undefined || this.serverName !== undefined) return false;
        this.serverName = name;
      }
      at = end;
    }
    return true;
  }

  /** RFC 7301 §3.1. */
  #alpn(body: Uint8Array): boolean {
    if (this.alpn !== undefined || body.length < 4 || skipBlock(body, 0, 2) !== body.length) return false;
    this.alpn = [];
    for (let at = 2; at < body.length;) {
      const end = skipBlock(body, at, 1);
      if (end < 0 || end === at + 1) return false;
      this.alpn.push(String.fromCharCode(...body.subarray(at + 1, end)));
      at = end;
    }
    return true;
  }

  #ticket(ticket: Uint8Array): void {
    if (ticket.length >= TICKET_NAME_BYTES) this.ticketKeyName ??= copyOf(ticket, 0, TICKET_NAME_BYTES);
  }

  /** RFC 8446 §4.2.11: identities, of which the first matters; in TLS 1.3 that is what a ticket is. */
  #preSharedKey(body: Uint8Array): boolean {
    const end = skipBlock(body, 0, 2);
    if (end < 0) return false;
    const first = skipBlock(body, 2, 2);
    if (first < 0 || first > end) return false;
    this.ticketKeyName = undefined;
    this.#ticket(body.subarray(4, first));
    return true;
  }
}

/** 1 to 255 visible ASCII characters, lower case, without a final dot. */
function hostName(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.length > 255) return undefined;
  for (const byte of bytes) if (byte <= 0x20 || byte >= 0x7f) return undefined;
  const name = String.fromCharCode(...bytes).toLowerCase();
  return name.length > 1 && name.endsWith('.') ? name.slice(0, -1) : name;
}

const word = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

const triple = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 16) | word(bytes, at + 1);
