import { createHash } from 'node:crypto';
import type { Random } from '../../core/random.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** A fresh value for Sec-WebSocket-Key (RFC 6455 §4.1). */
export function webSocketKey(random: Random): string {
  return Buffer.from(random.bytes(16)).toString('base64');
}

/** What a server answers to this key in Sec-WebSocket-Accept. */
export function webSocketAccept(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64');
}
