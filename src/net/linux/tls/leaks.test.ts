import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import { TestAuthority } from '../../testing/identities.ts';
import { Probe } from '../../testing/probe.ts';
import type { SecureContext } from '../../types.ts';
import { loadStreamCalls } from '../tcp/calls.ts';
import { closeLedger, ledgerMemory, withLedger } from '../tcp/ledger.ts';
import { Loop } from '../tcp/loop.ts';
import { LinuxReactor } from '../tcp/reactor.ts';
import { loadTlsCalls } from './calls.ts';
import type { TlsCalls } from './calls.ts';
import { openSslLayer } from './layer.ts';

const { calls } = await loadStreamCalls();
const { calls: real } = await loadTlsCalls();
const HANDSHAKES = 2_000;

/** The calls, counting what is made and freed. A second free of the same would count below zero. */
function counting(tls: TlsCalls): {
  calls: TlsCalls;
  alive: Record<'ssl' | 'context' | 'session', Map<number, number>>;
} {
  const alive = {
    ssl: new Map<number, number>(),
    context: new Map<number, number>(),
    session: new Map<number, number>(),
  };
  const made = (map: Map<number, number>, pointer: number): number => {
    if (pointer !== 0) map.set(pointer, (map.get(pointer) ?? 0) + 1);
    return pointer;
  };
  const freed = (map: Map<number, number>, pointer: number): void => {
    const left = (map.get(pointer) ?? 0) - 1;
    if (left === 0) map.delete(pointer);
    else map.set(pointer, left);
  };
  return {
    alive,
    calls: {
      ...tls,
      SSL_new: (context) => made(alive.ssl, tls.SSL_new(context)),
      SSL_free: (ssl) => (freed(alive.ssl, ssl), tls.SSL_free(ssl)),
      SSL_CTX_new: (method) => made(alive.context, tls.SSL_CTX_new(method)),
      SSL_CTX_free: (context) => (freed(alive.context, context), tls.SSL_CTX_free(context)),
      SSL_get1_session: (ssl) => made(alive.session, tls.SSL_get1_session(ssl)),
      SSL_SESSION_free: (session) => (freed(alive.session, session), tls.SSL_SESSION_free(session)),
    },
  };
}

describe.runIf(calls && real)('objects of OpenSSL', () => {
  it('are each freed exactly once, however connections end, and so are descriptors', async () => {
    if (!calls || !real) return;
    const { calls: tls, alive } = counting(real);
    const descriptors = ledgerMemory();
    const loop = new Loop(withLedger(calls, descriptors), systemClock, silentLogger);
    const reactor = new LinuxReactor(loop, openSslLayer(tls));
    const until = (f: () => boolean): void => {
      while (!f()) loop.turn(10);
    };
    const authority = new TestAuthority(systemClock);
    const context: SecureContext = reactor.secureContext({
      kind: 'server',
      ...authority.issue(['a.test']),
      ticketKeys: [new Uint8Array(48).fill(7)],
    });
    const trusting = reactor.secureContext({ kind: 'client', trust: authority.root });
    const stranger = reactor.secureContext({ kind: 'client' });
    let served = 0;
    let failed = 0;
    const secure = {
      choose: () => ({ kind: 'terminate', context }) as const,
      handshakeMs: 5_000,
      onHandshakeFailed: () => failed++,
    };
    const listener = await reactor.listen({ host: '127.0.0.1', port: 0, secure }, (transport) => {
      const probe = new Probe();
      probe.on = (told) => {
        if (told === 'data') served++;
        if (told === 'end') transport.end();
      };
      return probe;
    });
    for (let done = 0; done < HANDSHAKES; done += 20) {
      const probes = Array.from({ length: 20 }, (_, i) => {
        const probe = new Probe();
        const way = i % 5;
        const client = reactor.connect(
          listener.address,
          { timeoutMs: 5_000, secure: { context: way === 4 ? stranger : trusting, serverName: 'a.test' } },
          probe,
        );
        // All said and done; left at once; reset; left before the handshake was done; not trusted.
        if (way === 3) loop.clock.after(0, () => client.destroy());
        else client.write(Buffer.from('hello'));
        if (way === 0) client.end();
        probe.on = (told) => {
          if (told !== 'connect') return;
          if (way === 1) client.destroy();
          if (way === 2) client.destroy(new Error('enough'));
        };
        return probe;
      });
      until(() => probes.every(({ closes }) => closes === 1));
    }
    until(() => alive.ssl.size === 0);
    expect(served).toBeGreaterThan(0);
    expect(failed).toBeGreaterThan(0);
    for (const one of [context, trusting, stranger]) one.close();
    await listener.close();
    loop.end();
    reactor.close();
    expect([alive.ssl.size, alive.context.size, alive.session.size]).toEqual([0, 0, 0]);
    expect(closeLedger(calls, descriptors)).toBe(0);
  });
});
