import { execFile } from 'node:child_process';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority } from '../../src/auth/ca/authority.ts';
import { IdentityKeeper } from '../../src/auth/identity/keeper.ts';
import { readPkcs12 } from '../../src/auth/pkcs12/read.ts';
import { writePkcs12 } from '../../src/auth/pkcs12/write.ts';
import { AuthorityHarness } from '../../src/auth/testing/authority-harness.ts';
import { makeKeyPair } from '../../src/auth/x509/make.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { IdentityContext } from '../../src/core/identity.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { eventually, pause } from '../support/eventually.ts';
import { has } from '../support/peers.ts';

// Identities as programs see them that we did not write.

const LONG = process.env['RIMROCK_AUTH_LONG'] !== undefined;

describe.skipIf(!has('openssl'))('identities, judged by others (needs openssl)', () => {
  const home = mkdtempSync(join(tmpdir(), 'rimrock-identity-'));
  const harness = new AuthorityHarness();
  let authority: Authority;
  const parts = (over: Partial<typeof harness.settings> = {}): ConstructorParameters<typeof Authority>[0] =>
    harness.parts({ clock: systemClock, random: systemRandom, settings: { ...harness.settings, ...over } });

  beforeAll(async () => {
    authority = new Authority(parts({ spreadMs: 0 }));
    await authority.start();
  });
  afterAll(async () => {
    await authority.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const file = (name: string, text: string | Uint8Array): string => {
    writeFileSync(join(home, name), text, { mode: 0o600 });
    return join(home, name);
  };
  /** Both outputs, however it ends. */
  const run = (program: string, ...words: string[]): Promise<string> =>
    new Promise((resolve) => {
      const child = execFile(program, words, { cwd: home, timeout: 60_000 }, (_error, out, err) =>
        resolve(out + err),
      );
      child.stdin?.end();
    });
  const issue = (path = '/web'): { certificateChain: string; privateKey: string } => {
    const { publicKey, privateKey } = makeKeyPair();
    const names = ['web.test', '*.w.test', '127.0.0.1', '::1'];
    return {
      privateKey,
      certificateChain: authority.issue({ publicKey, path, names, by: 'test' }).certificateChain,
    };
  };
  const bundleFile = (): string => file('bundle.pem', authority.bundle.roots.join(''));

  it('verify, strictly, for both sides of TLS', async () => {
    const chain = file('chain.pem', issue().certificateChain);
    for (const purpose of ['sslserver', 'sslclient']) {
      const words = [
        'verify',
        '-x509_strict',
        '-purpose',
        purpose,
        '-CAfile',
        bundleFile(),
        '-untrusted',
        chain,
      ];
      expect(await run('openssl', ...words, chain)).toContain(': OK');
      for (const name of ['web.test', 'x.w.test'])
        expect(await run('openssl', ...words, '-verify_hostname', name, chain)).toContain(': OK');
      expect(await run('openssl', ...words, '-verify_hostname', 'other.test', chain)).toContain(
        'hostname mismatch',
      );
      for (const address of ['127.0.0.1', '::1'])
        expect(await run('openssl', ...words, '-verify_ip', address, chain)).toContain(': OK');
    }
    const text = await run('openssl', 'x509', '-in', chain, '-noout', '-text');
    expect(text).toContain('URI:spiffe://test.local/web, DNS:web.test');
    expect(text).toContain('CA:FALSE');
  });

  it.skipIf(!has('certtool'))('verify with GnuTLS (needs certtool)', async () => {
    const chain = file('chain.pem', issue().certificateChain);
    const words = [
      '--verify',
      '--load-ca-certificate',
      bundleFile(),
      '--infile',
      chain,
      '--verify-profile',
      'high',
    ];
    expect(await run('certtool', ...words)).toContain(
      'Chain verification output: Verified. The certificate is trusted.',
    );
  });

  it('go through a change of the root: nothing is refused until revoke, then the old one is', async () => {
    const old = file('old.pem', issue().certificateChain);
    const verdict = async (): Promise<readonly [boolean, boolean]> => {
      const now = file('now.pem', issue().certificateChain);
      const check = async (chain: string): Promise<boolean> =>
        (await run('openssl', 'verify', '-CAfile', bundleFile(), '-untrusted', chain, chain)).includes(
          ': OK',
        );
      return [await check(old), await check(now)];
    };
    const verdicts = [await verdict()];
    for (const step of ['prepare', 'activate', 'taint', 'revoke'] as const) {
      await authority[step]('me');
      await authority.stop();
      authority = new Authority(parts({ spreadMs: 0 }));
      await authority.start();
      verdicts.push(await verdict());
    }
    expect(verdicts).toEqual([...Array.from({ length: 4 }, () => [true, true]), [false, true]]);
  });

  it('leave as PKCS#12 that openssl and keytool open, and come back from theirs', async () => {
    const { certificateChain, privateKey } = issue('/browser');
    const certificates = certificateChain + authority.bundle.roots.join('');
    const options = { password: 'secret', name: 'browser', random: systemRandom };
    const own = file('own.p12', writePkcs12({ privateKey, certificates }, options));
    const pass = ['-passin', 'pass:secret'];
    const opened = await run('openssl', 'pkcs12', '-in', own, ...pass, '-noenc');
    expect(opened.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
    const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(opened)?.[0] ?? '';
    expect(createPublicKey(createPrivateKey(key)).equals(createPublicKey(privateKey))).toBe(true);
    expect(await run('openssl', 'pkcs12', '-in', own, '-passin', 'pass:wrong')).toContain('invalid password');

    const keyFile = file('key.pem', privateKey);
    const chain = file('all.pem', certificates);
    const theirs = async (name: string, ...words: string[]): Promise<void> => {
      const to = join(home, name);
      const command = ['pkcs12', '-export', '-inkey', keyFile, '-in', chain, '-passout', 'pass:secret'];
      await run('openssl', ...command, ...words, '-out', to);
      const read = readPkcs12(readFileSync(to), 'secret');
      expect([name, read.certificates]).toEqual([name, certificates]);
      expect(createPublicKey(read.privateKey).equals(createPublicKey(privateKey))).toBe(true);
    };
    await theirs('modern.p12');
    await theirs('sha512.p12', '-macalg', 'sha512', '-keypbe', 'AES-128-CBC', '-certpbe', 'AES-192-CBC');
    await theirs('old.p12', '-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1');
    await theirs('plain.p12', '-keypbe', 'NONE', '-certpbe', 'NONE');
    await run(
      'openssl',
      'pkcs12',
      '-export',
      '-inkey',
      keyFile,
      '-in',
      chain,
      '-passout',
      'pass:secret',
      '-legacy',
      '-out',
      'rc2.p12',
    );
    expect(() => readPkcs12(readFileSync(join(home, 'rc2.p12')), 'secret')).toThrow(/old way/);
  });

  it.skipIf(!has('keytool'))(
    'are entries of a Java key store, and come back from there (needs keytool)',
    async () => {
      const { certificateChain, privateKey } = issue('/java');
      const certificates = certificateChain + authority.bundle.roots.join('');
      const options = { password: 'secret', name: 'java', random: systemRandom };
      const own = file('java.p12', writePkcs12({ privateKey, certificates }, options));
      const listed = await run('keytool', '-list', '-v', '-keystore', own, '-storepass', 'secret');
      expect(listed).toContain('Entry type: PrivateKeyEntry');
      expect(listed).toContain('Certificate chain length: 3');
      expect(listed).toContain('Alias name: java');
      const to = join(home, 'fromjava.p12');
      const store = ['-storetype', 'PKCS12', '-keystore', to, '-storepass', 'secret'];
      await run(
        'keytool',
        '-genkeypair',
        '-alias',
        'a',
        '-keyalg',
        'EC',
        '-groupname',
        'secp256r1',
        '-dname',
        'CN=a',
        ...store,
      );
      const read = readPkcs12(readFileSync(to), 'secret');
      expect(read.certificates).toContain('BEGIN CERTIFICATE');
    },
  );

  it('come from an intermediate that another authority signed for our request', async () => {
    await run(
      'openssl',
      'genpkey',
      '-algorithm',
      'EC',
      '-pkeyopt',
      'ec_paramgen_curve:P-384',
      '-out',
      'corp.key',
    );
    await run(
      'openssl',
      'req',
      '-x509',
      '-new',
      '-key',
      'corp.key',
      '-subj',
      '/O=Corp/CN=Corp root',
      '-addext',
      'keyUsage=critical,keyCertSign',
      '-days',
      '30',
      '-out',
      'corp.pem',
    );
    file('request.csr', await authority.request('me'));
    expect(await run('openssl', 'req', '-in', 'request.csr', '-noout', '-verify', '-text')).toMatch(
      /CA:TRUE, pathlen:0[^]*verify OK/,
    );
    file('ext.cnf', 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n');
    const sign = [
      'x509',
      '-req',
      '-in',
      'request.csr',
      '-CA',
      'corp.pem',
      '-CAkey',
      'corp.key',
      '-days',
      '7',
      '-sha384',
    ];
    await run('openssl', ...sign, '-set_serial', '77', '-extfile', 'ext.cnf', '-out', 'signed.pem');
    const text = (name: string): string => readFileSync(join(home, name), 'utf8');
    expect(await authority.bringIn({ certificates: text('signed.pem') + text('corp.pem') }, 'me')).toBe(
      'prepared',
    );
    await authority.activate('me');
    const chain = file('corp-leaf.pem', issue().certificateChain);
    const words = [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      'corp.pem',
      '-untrusted',
      chain,
      chain,
    ];
    expect(await run('openssl', ...words)).toContain(': OK');
  });

  it(
    'are renewed and rotated under handshakes and open connections, of which none fails',
    { timeout: 1_300_000 },
    async () => {
      // Leaves live for seconds and the intermediate is replaced several times while clients come and go.
      const [leafMs, intermediateMs, seconds] = LONG ? [60_000, 600_000, 1_200] : [6_000, 12_000, 18];
      const own = new Authority({
        ...new AuthorityHarness().parts(),
        clock: systemClock,
        random: systemRandom,
        settings: { ...harness.settings, leafMs, intermediateMs, spreadMs: 0 },
      });
      await own.start();
      const keep = async (path: string): Promise<IdentityKeeper> => {
        const issuer = own.issuerFor({ path, names: ['127.0.0.1'], by: 'test' });
        const keeper = new IdentityKeeper({
          issuer,
          clock: systemClock,
          random: systemRandom,
          log: silentLogger,
        });
        await keeper.start();
        return keeper;
      };
      const [serving, calling] = [await keep('/server'), await keep('/client')];
      const contextOf = ({ svid, bundle }: IdentityContext): { key: string; cert: string; ca: string[] } => ({
        key: svid.privateKey,
        cert: svid.certificateChain,
        ca: [...bundle.roots],
      });
      const current = (keeper: IdentityKeeper): ReturnType<typeof contextOf> => {
        if (!keeper.current) throw new Error('no identity');
        return contextOf(keeper.current);
      };
      const server: Server = createServer(
        { ...current(serving), requestCert: true, rejectUnauthorized: true },
        (socket) => socket.pipe(socket),
      );
      serving.onChange((context) => server.setSecureContext(contextOf(context)));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const intermediates = new Set<string>();
      const failures: string[] = [];
      let handshakes = 0;
      const dial = (): Promise<TLSSocket> =>
        new Promise((resolve, reject) => {
          const socket = connect({ port, host: '127.0.0.1', ...current(calling) });
          // In TLS 1.3 a server that refuses tells after the client is done: only an echo proves the handshake.
          socket.once('secureConnect', () => socket.write('x'));
          socket.once('data', () => resolve(socket));
          socket.once('error', reject);
        });
      const long = await dial();
      let cut = false;
      long.once('close', () => (cut = true));
      const end = systemClock.monotonic() + seconds * 1000;
      while (systemClock.monotonic() < end) {
        intermediates.add(own.view().state.active.intermediate.id);
        await Promise.all(
          Array.from({ length: 5 }, () =>
            dial().then(
              (socket) => {
                handshakes++;
                socket.destroy();
              },
              (error: Error) => failures.push(error.message),
            ),
          ),
        );
        await pause(50);
      }
      // And one by a client that we did not write.
      const { key, cert, ca } = current(calling);
      const files = [
        '-key',
        file('c.key', key),
        '-cert',
        file('c.pem', cert),
        '-cert_chain',
        file('c-chain.pem', cert),
      ];
      const words = [
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        ...files,
        '-CAfile',
        file('ca.pem', ca.join('')),
        '-verify_return_error',
      ];
      expect(await run('openssl', ...words)).toContain('Verify return code: 0 (ok)');
      long.write('y');
      let echoed = '';
      long.on('data', (piece: Buffer) => (echoed += piece.toString()));
      await eventually('the long connection to echo', () => echoed === 'y');
      console.log(`${handshakes} handshakes, ${intermediates.size} intermediates, ${failures.length} failed`);
      expect([failures, cut]).toEqual([[], false]);
      expect(intermediates.size).toBeGreaterThanOrEqual(3);
      expect(intermediates.size).toBeLessThan(8);
      expect(handshakes).toBeGreaterThan(seconds * 5);
      // Revoked, the old one is refused at the next handshake.
      const before = current(serving);
      for (const step of ['prepare', 'activate', 'taint'] as const) await own[step]('me');
      await eventually(
        'everybody to have renewed',
        () => current(serving).cert !== before.cert && current(calling).cert !== cert,
      );
      const revoked = systemClock.monotonic();
      await own.revoke('me');
      (await dial()).end();
      await eventually(
        'the old one to be refused',
        () =>
          new Promise<boolean>((resolve) => {
            const socket = connect({ port, host: '127.0.0.1', key, cert, ca: current(calling).ca }, () =>
              socket.write('x'),
            );
            socket.once('data', () => resolve(false));
            socket.on('error', () => resolve(true));
            socket.once('close', () => resolve(true));
          }),
      );
      expect(systemClock.monotonic() - revoked).toBeLessThan(5_000);
      long.destroy();
      server.close();
      serving.stop();
      calling.stop();
      await own.stop();
    },
  );
});
