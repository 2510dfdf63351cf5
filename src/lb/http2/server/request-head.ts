import { TARGET, TOKEN } from '../../http1/chars.ts';
import type { OutBuffer } from '../frames/index.ts';
import { Kind, LAST_PSEUDO } from '../hpack/index.ts';
import type { FieldBlock } from '../hpack/index.ts';

const SLASH = 47;
const ABSENT = -1;
const MAX_LENGTH_DIGITS = 15;

/**
 * The head of a request on its way from HTTP/2 to HTTP/1.1 (RFC 9113 §8.3). Holds what was found out about one request
 * until the next; `read` decides, `write` writes.
 */
export class RequestHead {
  isHead = false;
  /** An extended CONNECT for a WebSocket (RFC 8441). */
  webSocket = false;
  /** A plain CONNECT. */
  connect = false;
  /** Content-Length, -1 without one. */
  length = ABSENT;
  /** By kind, the index of each field that may come once. */
  readonly #at = new Int32Array(16);
  #firstRegular = 0;
  #cookies = 0;

  /** Judge the block. False: malformed, which costs the stream (RFC 9113 §8.1.1). */
  read(block: FieldBlock, endStream: boolean): boolean {
    if (!this.#collect(block) || !this.#readPseudo(block)) return false;
    return this.#readLength(block, endStream) && this.#hostAgrees(block);
  }

  #collect(block: FieldBlock): boolean {
    const at = this.#at;
    at.fill(ABSENT);
    this.#firstRegular = block.count;
    this.#cookies = 0;
    for (let i = 0; i < block.count; i++) {
      const kind = block.kind[i] as number;
      if (kind === Kind.BAD || kind === Kind.STATUS) return false;
      if (kind !== Kind.OTHER && kind <= LAST_PSEUDO) {
        if (this.#firstRegular < i) return false;
      } else if (this.#firstRegular > i) this.#firstRegular = i;
      if (kind === Kind.OTHER) continue;
      if (kind === Kind.COOKIE) this.#cookies += 1;
      else if (kind === Kind.TE) {
        if (!isText(block, i, 'trailers')) return false;
      } else if (at[kind] !== ABSENT) return false;
      at[kind] = i;
    }
    return true;
  }

  #readPseudo(block: FieldBlock): boolean {
    const at = this.#at;
    const method = at[Kind.METHOD] as number;
    const path = at[Kind.PATH] as number;
    const scheme = at[Kind.SCHEME] as number;
    const authority = at[Kind.AUTHORITY] as number;
    const protocol = at[Kind.PROTOCOL] as number;
    if (method < 0 || !consistsOf(block, method, TOKEN)) return false;
    if (authority >= 0 && !consistsOf(block, authority, TARGET)) return false;
    this.isHead = isText(block, method, 'HEAD');
    const isConnect = isText(block, method, 'CONNECT');
    this.webSocket = protocol >= 0;
    this.connect = isConnect && protocol < 0;
    if (this.connect) return path < 0 && scheme < 0 && authority >= 0;
    if (protocol >= 0 && (!isConnect || authority < 0 || !isText(block, protocol, 'websocket'))) return false;
    return scheme >= 0 && isHttp(block, scheme) && path >= 0 && isPath(block, path, method);
  }

  #readLength(block: FieldBlock, endStream: boolean): boolean {
    this.length = ABSENT;
    const i = this.#at[Kind.CONTENT_LENGTH] as number;
    if (i < 0) return true;
    const start = (block.nameEnd[i] as number) + 2;
    const end = block.valueEnd[i] as number;
    if (end === start || end - start > MAX_LENGTH_DIGITS || this.webSocket || this.connect) return false;
    let length = 0;
    for (let p = start; p < end; p++) {
      const digit = (block.bytes[p] as number) - 48;
      if (digit < 0 || digit > 9) return false;
      length = length * 10 + digit;
    }
    this.length = length;
    return !endStream || length === 0;
  }

  /** Host may repeat `:authority`, not contradict it (RFC 9113 §8.3.1). */
  #hostAgrees(block: FieldBlock): boolean {
    const host = this.#at[Kind.HOST] as number;
    const authority = this.#at[Kind.AUTHORITY] as number;
    if (host < 0 || authority < 0) return true;
    const { bytes } = block;
    const a = (block.nameEnd[authority] as number) + 2;
    const h = (block.nameEnd[host] as number) + 2;
    const n = (block.valueEnd[authority] as number) - a;
    if ((block.valueEnd[host] as number) - h !== n) return false;
    for (let i = 0; i < n; i++) if (lower(bytes[a + i]) !== lower(bytes[h + i])) return false;
    return true;
  }

  /** Write request line and fields, without the framing of the body and the empty line. */
  write(block: FieldBlock, out: OutBuffer): void {
    const at = this.#at;
    if (this.webSocket) out.text('GET');
    else copyValue(block, at[Kind.METHOD] as number, out);
    out.text(' ');
    copyValue(block, at[this.connect ? Kind.AUTHORITY : Kind.PATH] as number, out);
    out.text(' HTTP/1.1\r\n');
    const authority = at[Kind.AUTHORITY] as number;
    if (authority >= 0) {
      out.text('host: ');
      copyValue(block, authority, out);
      out.text('\r\n');
    }
    const dropHost = authority >= 0 && (at[Kind.HOST] as number) >= 0;
    if (this.#firstRegular === block.count) return;
    if (!dropHost && this.#cookies < 2 && !this.webSocket)
      return out.copy(block.bytes, block.nameStart[this.#firstRegular] as number, block.length);
    this.#writeSome(block, out, dropHost);
  }

  /** The fields one by one: Host goes where `:authority` stands for it, cookies come together in one line (RFC 9113 §8.2.3). */
  #writeSome(block: FieldBlock, out: OutBuffer, dropHost: boolean): void {
    let cookieWritten = false;
    for (let i = this.#firstRegular; i < block.count; i++) {
      const kind = block.kind[i] as number;
      if (kind === Kind.HOST && dropHost) continue;
      if (kind === Kind.COOKIE) {
        if (!cookieWritten) this.#writeCookies(block, out, i);
        cookieWritten = true;
      } else if (!this.webSocket || !isWebSocketKey(block, i))
        out.copy(block.bytes, block.nameStart[i] as number, (block.valueEnd[i] as number) + 2);
    }
  }

  #writeCookies(block: FieldBlock, out: OutBuffer, first: number): void {
    for (let i = first; i < block.count; i++) {
      if (block.kind[i] !== Kind.COOKIE) continue;
      out.text(i === first ? 'cookie: ' : '; ');
      copyValue(block, i, out);
    }
    out.text('\r\n');
  }

  /** Methods for which a missing Content-Length would leave open whether a body was meant (RFC 9110 §8.6). */
  wantsLength(block: FieldBlock): boolean {
    const i = this.#at[Kind.METHOD] as number;
    return isText(block, i, 'POST') || isText(block, i, 'PUT') || isText(block, i, 'PATCH');
  }
}

function isHttp(block: FieldBlock, scheme: number): boolean {
  return isText(block, scheme, 'http') || isText(block, scheme, 'https');
}

/** Path and query, or `*` of the whole server. */
function isPath(block: FieldBlock, path: number, method: number): boolean {
  if (!consistsOf(block, path, TARGET)) return false;
  if (block.bytes[(block.nameEnd[path] as number) + 2] === SLASH) return true;
  return isText(block, path, '*') && isText(block, method, 'OPTIONS');
}

/** Upgrading over HTTP/1.1 needs a key; ours is written, whatever the client has sent. */
function isWebSocketKey(block: FieldBlock, i: number): boolean {
  return block.name(i) === 'sec-websocket-key';
}

function copyValue(block: FieldBlock, i: number, out: OutBuffer): void {
  out.copy(block.bytes, (block.nameEnd[i] as number) + 2, block.valueEnd[i] as number);
}

function isText(block: FieldBlock, i: number, text: string): boolean {
  const start = (block.nameEnd[i] as number) + 2;
  if ((block.valueEnd[i] as number) - start !== text.length) return false;
  for (let k = 0; k < text.length; k++) if (block.bytes[start + k] !== text.charCodeAt(k)) return false;
  return true;
}

/** Whether the value is not empty and has no characters but those of the class. */
function consistsOf(block: FieldBlock, i: number, allowed: Uint8Array): boolean {
  const start = (block.nameEnd[i] as number) + 2;
  const end = block.valueEnd[i] as number;
  for (let p = start; p < end; p++) if (allowed[block.bytes[p] as number] === 0) return false;
  return end > start;
}

function lower(c: number | undefined): number {
  const code = c ?? 0;
  return code >= 65 && code <= 90 ? code + 32 : code;
}
