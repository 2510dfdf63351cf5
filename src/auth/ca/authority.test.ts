import { X509Certificate, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { IssuedChain } from '../identity/issuer.ts';
import type { AuthorityNews } from '../identity/issuer.ts';
import { AuthorityHarness, DAY_MS, HOUR_MS, MINUTE_MS } from '../testing/authority-harness.ts';
import { makeAuthority, makeCsr, makeKeyPair, makeSerial, readSigner } from '../x509/make.ts';
import { systemRandom } from '../../core/random.ts';
import type { Authority } from './authority.ts';

let harness: AuthorityHarness;
let authority: Authority;
beforeEach(async () => {
  harness = new AuthorityHarness();
  authority = await harness.start();
});
afterEach(() => authority.stop());

const spread = (): void => harness.clock.advance(MINUTE_MS);
/** Until the tending of that time is done. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
};

describe('the authority', () => {
  it('issues what verifies, within the lives of its issuers, begun a little ago', () => {
    const issued = harness.issue(authority, '/ns/prod/web');
    expect(issued.id).toBe('spiffe://test.local/ns/prod/web');
    expect(harness.judge(authority, issued.certificateChain)).toEqual({
      ok: true,
      id: issued.id,
      notAfterMs: issued.notAfterMs,
    });
    const now = harness.clock.now();
    expect([issued.notBeforeMs - now, issued.notAfterMs - now]).toEqual([-10_000, HOUR_MS]);
    const leaf = new X509Certificate(issued.certificateChain);
    expect(leaf.subjectAltName).toBe('URI:spiffe://test.local/ns/prod/web');
    expect(leaf.serialNumber).toMatch(/^[0-9A-F]{36}$/);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  });

  it('is the same after a restart, and keeps no key that nothing needs', async () => {
    const { certificateChain } = harness.issue(authority);
    const { bundle } = authority;
    await harness.keys.write('ca-root-left-by-a-crash', 'x');
    await harness.keys.write('tokens-1', 'not of the authority');
    await authority.stop();
    authority = await harness.start();
    expect(authority.bundle).toEqual(bundle);
    expect(harness.judge(authority, certificateChain).ok).toBe(true);
    const names = await harness.keys.names();
    expect(names.map((n) => n.replace(/[0-9a-f]{40}/, '*'))).toEqual([
      'ca-intermediate-*',
      'ca-root-*',
      'tokens-1',
    ]);
  });

  it('replaces its intermediate before half of its life, all its life long', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      await harness.clock.advanceAsync(HOUR_MS, 10 * MINUTE_MS);
      await settle();
      const issued = harness.issue(authority);
      expect(issued.notAfterMs - harness.clock.now()).toBe(HOUR_MS);
      seen.add(authority.view().state.active.intermediate.id);
      const left = authority.lifeLeft().get('intermediate') ?? 0;
      expect(left).toBeGreaterThan(DAY_MS / 2);
      expect(authority.alarm()).toBeUndefined();
    }
    expect(seen.size).toBe(6);
  });

  it('goes through prepare, activate, taint and revoke, with a restart after each', async () => {
    const old = harness.issue(authority);
    const verdicts: Record<string, unknown> = {};
    const look = async (step: string): Promise<void> => {
      await authority.stop();
      authority = await harness.start();
      const { ok } = harness.judge(authority, old.certificateChain);
      verdicts[step] = [ok, harness.issue(authority).root === old.root, authority.bundle.roots.length];
    };
    await authority.prepare('me');
    await look('prepare');
    await expect(authority.activate('me')).rejects.toMatchObject({ code: 'AUTH_CA_NOT_SPREAD' });
    spread();
    await authority.activate('me');
    await look('activate');
    await expect(authority.revoke('me')).rejects.toMatchObject({ code: 'AUTH_CA_NOT_TAINTED' });
    await authority.taint('me');
    await look('taint');
    await authority.revoke('me');
    await look('revoke');
    expect(verdicts).toEqual({
      prepare: [true, true, 2],
      activate: [true, false, 2],
      taint: [true, false, 2],
      revoke: [false, false, 1],
    });
    const told = harness.audit.entries.map((e) => e.what).filter((what) => what !== 'issue');
    expect(told).toEqual(['create', 'prepare', 'activate', 'taint', 'revoke']);
  });

  it('lets go of an old root by itself, and of a root that was prepared by mistake', async () => {
    await authority.prepare('me');
    await authority.discard('me');
    expect(authority.bundle.roots).toHaveLength(1);
    await authority.prepare('me');
    spread();
    await authority.activate('me');
    expect(authority.bundle.roots).toHaveLength(2);
    await harness.clock.advanceAsync(DAY_MS + 2 * MINUTE_MS, 30 * MINUTE_MS);
    await settle();
    expect(authority.bundle.roots).toHaveLength(1);
    expect((await harness.keys.names()).length).toBe(2);
  });

  it('tells followers of each change at once, and whom it taints', async () => {
    const news: AuthorityNews[] = [];
    authority.follow((n) => news.push(n));
    const { root } = harness.issue(authority);
    await authority.prepare('me');
    spread();
    await authority.activate('me');
    await authority.taint('me');
    await authority.revoke('me');
    expect(news.map((n) => [n.bundle.roots.length, n.tainted])).toEqual([
      [1, []],
      [2, []],
      [2, []],
      [2, [root]],
      [1, []],
    ]);
    const sequences = news.map((n) => n.bundle.sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
  });

  it('raises an alarm before a third of a root is left, and issues until its end', async () => {
    harness.clock.advance(3650 * DAY_MS * 0.66);
    await settle();
    expect(authority.alarm()).toBeUndefined();
    harness.clock.advance(3650 * DAY_MS * 0.02);
    await settle();
    expect(authority.alarm()).toMatch(/third of the life of the root/);
    harness.clock.advance(authority.lifeLeft().get('root')! - 10 * MINUTE_MS);
    await settle();
    const last = harness.issue(authority);
    expect(last.notAfterMs - harness.clock.now()).toBe(10 * MINUTE_MS);
    harness.clock.advance(10 * MINUTE_MS);
    expect(() => harness.issue(authority)).toThrow(expect.objectContaining({ code: 'AUTH_CA_ENDED' }));
  });

  it('refuses to say what no certificate can say', () => {
    const { publicKey } = harness;
    const refused = (request: object): string => {
      try {
        authority.issue({ publicKey, path: '/a', by: 'test', ...request });
        return 'issued';
      } catch (error) {
        return (error as { readonly code: string }).code;
      }
    };
    const bad = ['', '/', 'a', '//', '/a/', '/../b', '/a b', '/ä', '/a?b', '@evil/x', '.evil/x'];
    expect(bad.map((path) => refused({ path }))).toEqual(bad.map(() => 'AUTH_CA_BAD_REQUEST'));
    for (const name of ['a b', '', '*', 'a..b', '-a', 'x'.repeat(64), 'http://a'])
      expect(refused({ names: [name] })).toBe('AUTH_CA_BAD_REQUEST');
    for (const key of ['', 'x', makeKeyPair().privateKey])
      expect(refused({ publicKey: key })).toBe('AUTH_CA_BAD_KEY');
    expect(refused({ names: ['a.test', '*.b.test', '10.0.0.1', '::1'] })).toBe('issued');
    expect(authority.counts.refused).toBe(bad.length + 7 + 3);
  });

  it('takes nothing but the key from a request, whatever else it asks for', () => {
    const { publicKey, privateKey } = makeKeyPair();
    const request = makeCsr({ commonName: 'admin', uri: 'spiffe://test.local/admin' }, privateKey);
    const issued = authority.issue({ publicKey: request, path: '/web', by: 'test' });
    const leaf = new X509Certificate(issued.certificateChain);
    expect([leaf.subject, leaf.subjectAltName, leaf.ca]).toEqual([
      'CN=web',
      'URI:spiffe://test.local/web',
      false,
    ]);
    expect(leaf.publicKey.equals(createPublicKey(publicKey))).toBe(true);
  });

  it('is of one trust domain', async () => {
    const settings = { ...harness.settings, trustDomain: 'other.local' };
    await expect(harness.start({ settings })).rejects.toMatchObject({ code: 'AUTH_CA_OTHER_TRUST_DOMAIN' });
  });

  it('says that a key is gone, and issues nothing', async () => {
    const { intermediate } = authority.view().state.active;
    await authority.stop();
    await harness.keys.remove(`ca-intermediate-${intermediate.id}`);
    authority = await harness.start();
    expect(authority.alarm()).toMatch(/is not on this machine/);
    expect(() => harness.issue(authority)).toThrow(expect.objectContaining({ code: 'AUTH_CA_NOT_HERE' }));
    await authority.rotate('me');
    expect(harness.issue(authority).id).toBe('spiffe://test.local/web');
  });
});

describe("the operator's own root", () => {
  const foreign = (): { readonly certificate: string; readonly privateKey: string } => {
    const { privateKey } = makeKeyPair();
    const now = harness.clock.now();
    const certificate = makeAuthority({
      commonName: 'Corporate root',
      uri: 'https://corp.test',
      serial: makeSerial(systemRandom),
      pathLength: 2,
      privateKey,
      notBeforeMs: now - HOUR_MS,
      notAfterMs: now + 30 * DAY_MS,
    });
    return { certificate, privateKey };
  };
  const below = (
    root: ReturnType<typeof foreign>,
    privateKey: string,
    over: Partial<Parameters<typeof makeAuthority>[0]> = {},
  ): string => {
    const now = harness.clock.now();
    const request = {
      commonName: 'Rimrock',
      uri: 'spiffe://test.local',
      serial: makeSerial(systemRandom),
      pathLength: 0,
      privateKey,
      notBeforeMs: now - HOUR_MS,
      notAfterMs: now + 10 * DAY_MS,
      ...over,
    };
    return makeAuthority(request, readSigner(root.certificate, root.privateKey)) + root.certificate;
  };

  it('takes over like any other, with an intermediate that comes with its key', async () => {
    const root = foreign();
    const before = harness.issue(authority);
    const { privateKey } = makeKeyPair();
    expect(await authority.bringIn({ certificates: below(root, privateKey), privateKey }, 'me')).toBe(
      'prepared',
    );
    spread();
    await authority.activate('me');
    const issued = harness.issue(authority);
    expect(issued.root).not.toBe(before.root);
    for (const { certificateChain } of [before, issued])
      expect(harness.judge(authority, certificateChain).ok).toBe(true);
    // A second one below the same root signs at once; the first is as good as before.
    const second = makeKeyPair().privateKey;
    const again = { certificates: below(root, second), privateKey: second };
    expect(await authority.bringIn(again, 'me')).toBe('signs');
    for (const { certificateChain } of [issued, harness.issue(authority)])
      expect(harness.judge(authority, certificateChain).ok).toBe(true);
    // Nobody here can replace it, so somebody must be told.
    await expect(authority.rotate('me')).rejects.toMatchObject({ code: 'AUTH_CA_NOT_HERE' });
    await harness.clock.advanceAsync(7 * DAY_MS, HOUR_MS);
    expect(authority.alarm()).toMatch(/third of the life of the intermediate/);
  });

  it('refuses what leaves could not be verified by', async () => {
    const root = foreign();
    const { privateKey } = makeKeyPair();
    const chain = below(root, privateKey);
    const [intermediate = ''] = chain.split(/(?<=-----END CERTIFICATE-----\n)/);
    const now = harness.clock.now();
    const other = foreign();
    const reason = (brought: { certificates: string; privateKey?: string }): Promise<string> =>
      authority.bringIn(brought, 'me').then(
        () => 'taken',
        (error: Error) => error.message,
      );
    const bad: [{ certificates: string; privateKey?: string }, RegExp][] = [
      [{ certificates: 'nonsense', privateKey }, /at least two/],
      [{ certificates: intermediate, privateKey }, /at least two/],
      [{ certificates: intermediate + intermediate, privateKey }, /no root/],
      [{ certificates: intermediate + other.certificate, privateKey }, /not signed by/],
      [{ certificates: chain, privateKey: makeKeyPair().privateKey }, /another key/],
      [{ certificates: chain, privateKey: 'x' }, /cannot be read/],
      [{ certificates: chain }, /no key came/],
      [{ certificates: below(root, privateKey, { notAfterMs: now - 1000 }), privateKey }, /not valid now/],
      [{ certificates: below(root, privateKey, { notBeforeMs: now + 60_000 }), privateKey }, /not valid now/],
      [{ certificates: harness.issue(authority).certificateChain, privateKey }, /no root/],
    ];
    for (const [brought, why] of bad) expect(await reason(brought)).toMatch(why);
    expect((await harness.keys.names()).length).toBe(2);
    expect(await reason({ certificates: chain, privateKey })).toBe('taken');
  });
});

/** Ends the process at the n-th write: before it, or after it and before anybody hears of it. */
class Crash {
  left = Infinity;
  after = false;
  ended = false;

  async around<T>(write: () => Promise<T>): Promise<T> {
    if (this.ended) throw new Error('the process has ended');
    if (this.left-- > 0) return write();
    this.ended = true;
    if (this.after) await write();
    throw new Error('crash');
  }
}

describe('an authority that crashes', () => {
  const steps = fc.array(
    fc.record({
      what: fc.constantFrom('prepare', 'activate', 'taint', 'revoke', 'wait', 'rotate', 'discard', 'wait'),
      crashAt: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
      after: fc.boolean(),
    }),
    { minLength: 4, maxLength: 14 },
  );

  it('is whole the old or whole the new, whatever it was at', { timeout: 600_000 }, async () => {
    let crashes = 0;
    const long = process.env['RIMROCK_AUTH_LONG'] !== undefined;
    const run = async (
      all: readonly { what: string; crashAt?: number | undefined; after: boolean }[],
    ): Promise<void> => {
      const h = new AuthorityHarness();
      const crash = new Crash();
      const { store, keys } = h;
      const over = {
        store: Object.assign(Object.create(store) as typeof store, {
          compareAndSet: (...args: Parameters<typeof store.compareAndSet>) =>
            crash.around(() => store.compareAndSet(...args)),
          get: (key: string) => store.get(key),
          watch: (prefix: string, signal: AbortSignal) => store.watch(prefix, signal),
        }),
        keys: {
          read: (name: string) => keys.read(name),
          names: () => keys.names(),
          write: (name: string, text: string) => crash.around(() => keys.write(name, text)),
          remove: (name: string) => crash.around(() => keys.remove(name)),
        },
      };
      let now = await h.start(over);
      const leaves: IssuedChain[] = [];
      const gone = new Set<string>();
      for (const { what, crashAt, after } of all) {
        Object.assign(crash, { left: crashAt ?? Infinity, after, ended: false });
        const old = now.view().state.old?.root.id;
        if (what === 'wait') {
          await h.clock.advanceAsync(5 * HOUR_MS, HOUR_MS);
          await settle();
        } else await now[what as 'prepare']('me').catch(() => {});
        if (crash.ended) {
          crashes++;
          await now.stop();
          Object.assign(crash, { left: Infinity, ended: false });
          now = await h.start(over);
        }
        if (what === 'revoke' && old !== undefined && !now.view().state.old) gone.add(old);
        leaves.push(h.issue(now));
        for (const leaf of leaves) {
          if (leaf.notAfterMs < h.clock.now()) continue;
          expect(h.judge(now, leaf.certificateChain).ok).toBe(!gone.has(leaf.root));
        }
      }
      await now.stop();
    };
    await fc.assert(fc.asyncProperty(steps, run), { numRuns: long ? 2_000 : 40 });
    expect(crashes).toBeGreaterThan(20);
  });
});
