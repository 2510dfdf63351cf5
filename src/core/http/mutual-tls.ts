import { createRequire } from 'node:module';
import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type * as Undici from 'undici';
import type { IdentityContext, IdentitySource } from '../identity.ts';

/** What was found of a certificate that somebody has shown. */
export type PeerVerdict =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly why: string };

/** How the parts of the control plane speak to each other: TLS with certificates on both sides. */
export interface MutualTls {
  /** `permissive`: servers take plain HTTP at the same port, too. Clients always speak TLS. */
  readonly mode: 'permissive' | 'required';
  /** Who this process is. Its first identity is there before anything listens, but on a master that stands by from its start. */
  readonly identity: IdentitySource;
  /** Judge a leaf (DER) whose chain OpenSSL has verified by the bundle of the handshake. */
  judge(leaf: Uint8Array, role: 'client' | 'server'): PeerVerdict;
  /** Told of each connection that was turned away, and why. */
  refused(address: string, why: string): void;
}

/** Whom a client takes for an answer. */
export interface MutualClient {
  readonly tls: MutualTls;
  /** Whether the server may be the one with this SPIFFE id. */
  readonly isServer: (id: string) => boolean;
}

/** The id of the master, whoever leads; its path is the same in every trust domain. */
const MASTER_PATH = '/master';

/** Calls to the leading master. Undefined where the control plane speaks plain HTTP. */
export function towardsMaster(tls: MutualTls | undefined): { readonly mutual?: MutualClient } {
  if (tls === undefined) return {};
  const isServer = (id: string): boolean => isMasterId(id, tls.identity.current?.bundle.trustDomain);
  return { mutual: { tls, isServer } };
}

export function isMasterId(id: string, trustDomain: string | undefined): boolean {
  return trustDomain !== undefined && id === `spiffe://${trustDomain}${MASTER_PATH}`;
}

/** Perfect forward secrecy and authenticated encryption alone (RFC 9325 §4.2). */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
].join(':');

/**
 * What a handshake is made with. No tickets: a session that is taken up again would bring neither the chain nor another look at
 * it. No renegotiation (RFC 9325 §3.5): it lets a client make the server work.
 */
export function secureOptions({ svid, bundle }: IdentityContext): SecureContextOptions {
  return {
    cert: svid.certificateChain,
    key: svid.privateKey,
    ca: [...bundle.roots],
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  };
}

const load = createRequire(import.meta.url);
const buildConnector = load('undici/lib/core/connect.js') as typeof Undici.buildConnector;

/** Opens connections with the identity that is the newest at that moment; those that are open live on. */
export function mutualConnector(
  { tls, isServer }: MutualClient,
  timeout: number,
): Undici.buildConnector.connector {
  let made: { readonly of: IdentityContext; readonly connect: Undici.buildConnector.connector } | undefined;
  return (options, callback) => {
    const { current } = tls.identity;
    if (!current) return callback(new Error('this process has no identity yet'), null);
    if (made?.of !== current) {
      const connect = buildConnector({
        ...secureOptions(current),
        timeout,
        maxCachedSessions: 0,
        rejectUnauthorized: true,
        checkServerIdentity: (_host, leaf) => serverProblem(tls, isServer, leaf.raw),
      });
      made = { of: current, connect };
    }
    made.connect(options, callback);
  };
}

/** The name that a server was dialled by says nothing: its id says who it is. */
function serverProblem(
  tls: MutualTls,
  isServer: (id: string) => boolean,
  leaf: Uint8Array,
): Error | undefined {
  const verdict = tls.judge(leaf, 'server');
  if (!verdict.ok) return new Error(`the server's certificate is not good: ${verdict.why}`);
  return isServer(verdict.id) ? undefined : new Error(`the server is ${verdict.id}, which was not asked for`);
}
