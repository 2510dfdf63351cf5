import { randomBytes } from 'node:crypto';
import { rootCertificates, createSecureContext } from 'node:tls';
import type { SecureContext as NodeContext, SecureContextOptions as NodeOptions } from 'node:tls';
import { errorText } from '../../../core/errors.ts';
import { netErrors } from '../../errors.ts';
import { DEFAULT_CIPHERS, GROUPS, TICKET_LIFETIME_S } from '../../tls/defaults.ts';
import { checkContextOptions, ticketKeysOf } from '../../tls/identity.ts';
import type { SecureContext, SecureContextOptions } from '../../types.ts';

const SSL_OP_NO_TICKET = 2 ** 14;
const SSL_OP_NO_RENEGOTIATION = 2 ** 30;
/** Sessions that a client context keeps for coming back, one per server. */
const MOST_SESSIONS = 256;
const NAME_BYTES = 16;

/** What a client comes back with. The certificate is not in Node's session. */
export interface KeptSession {
  readonly session: Buffer;
  readonly peerCertificate: Uint8Array | undefined;
}

/**
 * The part of a node:tls context that has no public name: asks for the key of a ticket. By the public ones (`ticketKeys`) Node knows one key
 * at a time, and never renews what it could read.
 */
interface KeyedContext {
  enableTicketKeyCallback?(): void;
  onticketkeycallback?: (name: Buffer, iv: Buffer, writes: boolean) => unknown[];
}

/** What it is told: no such key, the key, the key and that a new ticket is due. */
const UNKNOWN = 0;
const KNOWN = 1;
const KNOWN_AND_OLD = 2;

/** A context of node:tls. */
export class PortableSecureContext implements SecureContext {
  readonly kind: 'server' | 'client';
  readonly verify: 'none' | 'request' | 'require';
  readonly alpn: readonly string[];
  readonly context: NodeContext;
  closed = false;
  readonly #sessions = new Map<string, KeptSession>();

  /** Throws NET_BAD_CERTIFICATE. */
  constructor(options: SecureContextOptions) {
    checkContextOptions(options);
    this.kind = options.kind;
    this.verify = options.verify ?? (options.kind === 'client' ? 'require' : 'none');
    this.alpn = options.alpn ?? [];
    const keys = ticketKeysOf(options).map((key) => Buffer.from(key));
    try {
      this.context = createSecureContext(nodeOptions(options, this.verify, keys[0]));
      if (keys.length > 0) readTicketsOf(keys, this.context.context as KeyedContext);
    } catch (error) {
      throw netErrors.NET_BAD_CERTIFICATE({ reason: errorText(error) }, error);
    }
  }

  /** Clients: the last session with that server. */
  session(server: string): KeptSession | undefined {
    return this.#sessions.get(server);
  }

  remember(server: string, session: KeptSession): void {
    if (this.closed) return;
    this.#sessions.delete(server);
    this.#sessions.set(server, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MOST_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
  }

  close(): void {
    this.closed = true;
    this.#sessions.clear();
  }
}

/** Tickets are written with the first key and read with all of them; where Node has lost this interface, with the first alone. */
function readTicketsOf(keys: readonly Buffer[], native: KeyedContext): void {
  const [first] = keys;
  if (native.enableTicketKeyCallback === undefined || first === undefined) return;
  const parts = (key: Buffer): Buffer[] => [key.subarray(NAME_BYTES, 32), key.subarray(32)];
  native.onticketkeycallback = (name, _iv, writes) => {
    if (writes) return [KNOWN, ...parts(first), first.subarray(0, NAME_BYTES), randomBytes(16)];
    const key = keys.find((one) => Buffer.compare(one.subarray(0, NAME_BYTES), name) === 0);
    return key === undefined
      ? [UNKNOWN, ...parts(first)]
      : [key === first ? KNOWN : KNOWN_AND_OLD, ...parts(key)];
  };
  native.enableTicketKeyCallback();
}

function nodeOptions(
  options: SecureContextOptions,
  verify: 'none' | 'request' | 'require',
  ticketKeys: Buffer | undefined,
): NodeOptions {
  const { certificateChain, privateKey, minVersion, ciphers, trust, kind } = options;
  const noTickets = kind === 'server' && ticketKeys === undefined;
  return {
    ...(certificateChain === undefined ? {} : { cert: certificateChain }),
    ...(privateKey === undefined ? {} : { key: privateKey }),
    ...(verify === 'none' ? {} : { ca: trust ?? [...rootCertificates] }),
    minVersion: minVersion ?? 'TLSv1.2',
    ciphers: `TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:${ciphers ?? DEFAULT_CIPHERS}`,
    ecdhCurve: GROUPS,
    secureOptions: SSL_OP_NO_RENEGOTIATION + (noTickets ? SSL_OP_NO_TICKET : 0),
    ...(ticketKeys === undefined ? {} : { ticketKeys }),
    ...(kind === 'server' ? { sessionIdContext: 'rimrock', sessionTimeout: TICKET_LIFETIME_S } : {}),
  };
}
