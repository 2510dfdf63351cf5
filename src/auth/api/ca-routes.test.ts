import { X509Certificate, createPrivateKey } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import type { Authorizer } from '../../core/access.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import { systemRandom } from '../../core/random.ts';
import type { Authority } from '../ca/authority.ts';
import { readPkcs12 } from '../pkcs12/read.ts';
import { writePkcs12 } from '../pkcs12/write.ts';
import { AuthorityHarness, DAY_MS, HOUR_MS, MINUTE_MS } from '../testing/authority-harness.ts';
import { makeAuthority, makeKeyPair, makeSerial } from '../x509/make.ts';
import { addCaRoutes } from './ca-routes.ts';

const lines: string[] = [];
/** Everything that was answered. */
const answers: string[] = [];
let harness: AuthorityHarness;
let authority: Authority;
let api: Api;
let allowed: boolean;
const asked: string[] = [];

beforeEach(async () => {
  lines.length = answers.length = asked.length = 0;
  allowed = true;
  harness = new AuthorityHarness();
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  authority = await harness.start({ log });
  const authorizer: Authorizer = {
    decide: ({ action }) => {
      asked.push(action);
      return { allowed, rule: 'r', version: 1 };
    },
  };
  api = createApi();
  addCaRoutes(api, { authority, audit: harness.audit, authorizer, random: systemRandom, log });
});
afterEach(async () => {
  await api.close();
  await authority.stop();
});

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly bytes: Buffer;
  readonly json: Body;
}

/** What the tests look at in answers. */
interface Body {
  readonly code: string;
  readonly hint: string;
  readonly id: string;
  readonly certificateChain: string;
  readonly spiffe_sequence: number;
  readonly next: { readonly root: { readonly own: boolean } };
  readonly old: { readonly tainted: boolean };
  readonly entries: readonly { readonly what: string; readonly by: string }[];
}

async function ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const payload =
    body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) };
  const reply = await api.inject({ method, url: `/ca/v1${path}`, headers, ...payload });
  answers.push(reply.body);
  let json = {} as Body;
  if (reply.headers['content-type']?.toString().startsWith('application/json') === true)
    json = JSON.parse(reply.body) as Body;
  return { status: reply.statusCode, text: reply.body, bytes: reply.rawPayload, json };
}

describe('the HTTP API of the authority', () => {
  it('gives the bundle to everybody, as PEM and as SPIFFE has it', async () => {
    allowed = false;
    const pemAnswer = await ask('GET', '/bundle');
    expect(pemAnswer.text).toBe(authority.bundle.roots.join(''));
    const { json } = await ask('GET', '/bundle?format=spiffe');
    const root = new X509Certificate(authority.bundle.roots[0] ?? '');
    expect(json).toEqual({
      keys: [
        {
          use: 'x509-svid',
          ...root.publicKey.export({ format: 'jwk' }),
          x5c: [root.raw.toString('base64')],
        },
      ],
      spiffe_sequence: 1,
      spiffe_refresh_hint: 5,
    });
    for (const bad of ['format=x', 'after=-1', 'after=x', 'waitMs=x', 'waitMs=99999'])
      expect((await ask('GET', `/bundle?${bad}`)).status).toBe(400);
  });

  it('lets whoever wants to wait for the next bundle', async () => {
    expect((await ask('GET', '/bundle?after=0&waitMs=30000')).status).toBe(200);
    let arrived = false;
    const waiting = ask('GET', '/bundle?after=1&waitMs=30000&format=spiffe').then((answer) => {
      arrived = true;
      return answer;
    });
    await authority.rotate('me'); // no news for those who judge
    expect(arrived).toBe(false);
    await authority.prepare('me');
    expect((await waiting).json.spiffe_sequence).toBe(2);
    const patient = ask('GET', '/bundle?after=2&waitMs=1000&format=spiffe');
    await expect.poll(() => harness.clock.pending).toBe(2);
    harness.clock.advance(1000);
    expect((await patient).json.spiffe_sequence).toBe(2);
  });

  it('leads through a change of the root', async () => {
    expect((await ask('GET', '/state')).json).toMatchObject({ trustDomain: 'test.local', sequence: 1 });
    expect((await ask('POST', '/prepare')).json.next.root.own).toBe(true);
    const early = await ask('POST', '/activate');
    expect([early.status, early.json.code]).toEqual([409, 'AUTH_CA_NOT_SPREAD']);
    expect(early.json.hint).toMatch(/spreadSeconds/);
    expect((await ask('POST', '/activate', { force: true })).json.old.tainted).toBe(false);
    expect((await ask('POST', '/revoke')).status).toBe(409);
    expect((await ask('POST', '/taint')).json.old.tainted).toBe(true);
    expect((await ask('POST', '/revoke')).json).not.toHaveProperty('old');
    expect((await ask('POST', '/rotate')).status).toBe(200);
    expect((await ask('POST', '/discard')).json.code).toBe('AUTH_CA_NOTHING_PREPARED');
    const { entries } = (await ask('GET', '/audit?limit=3')).json;
    expect(entries.map((e) => [e.what, e.by])).toEqual([
      ['rotate', 'anonymous at 127.0.0.1'],
      ['revoke', 'anonymous at 127.0.0.1'],
      ['taint', 'anonymous at 127.0.0.1'],
    ]);
    for (const limit of ['0', 'x', '1e9'])
      expect((await ask('GET', `/audit?limit=${limit}`)).status).toBe(400);
  });

  it('asks the policy for everything but the bundle', async () => {
    allowed = false;
    const views = await Promise.all(['/state', '/audit'].map((path) => ask('GET', path)));
    const steps = [
      '/prepare',
      '/activate',
      '/taint',
      '/revoke',
      '/discard',
      '/rotate',
      '/csr',
      '/intermediate',
    ];
    const updates = await Promise.all([...steps, '/issue', '/pkcs12'].map((path) => ask('POST', path)));
    expect(new Set([...views, ...updates].map((a) => `${a.status} ${a.json.code}`))).toEqual(
      new Set(['403 denied']),
    );
    expect(asked).toEqual([...views.map(() => 'ca:view'), ...updates.map(() => 'ca:update')]);
    expect(authority.view().state.sequence).toBe(1);
  });

  it('issues for a key, and writes PKCS#12 for who has none', async () => {
    const { publicKey, privateKey } = makeKeyPair();
    const body = { publicKey, path: '/test/a', names: ['a.test'], lifetimeSeconds: 60 };
    const issued = await ask('POST', '/issue', body);
    expect(issued.json.id).toBe('spiffe://test.local/test/a');
    expect(harness.judge(authority, issued.json.certificateChain).ok).toBe(true);
    const leaf = new X509Certificate(issued.json.certificateChain);
    expect(leaf.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
    expect(leaf.validToDate.getTime() - harness.clock.now()).toBe(MINUTE_MS);
    const file = await ask('POST', '/pkcs12', { path: '/test/b', password: 'secret' });
    const { certificates } = readPkcs12(file.bytes, 'secret');
    expect(new X509Certificate(certificates).subjectAltName).toBe('URI:spiffe://test.local/test/b');
    const bad: [string, unknown][] = [
      ['/issue', '{'],
      ['/issue', { ...body, path: 'x' }],
      ['/issue', { ...body, publicKey: 'x' }],
      ['/issue', { ...body, extra: 1 }],
      ['/issue', { ...body, names: [1] }],
      ['/pkcs12', { path: '/a', password: '' }],
      ['/activate', { force: 1 }],
      ['/intermediate', { pkcs12: 'AAAA', password: 'x' }],
      ['/intermediate', { certificates: 'x' }],
      ['/intermediate', {}],
    ];
    for (const [path, wrong] of bad) expect((await ask('POST', path, wrong)).status).toBe(400);
  });

  it('takes in an intermediate as PKCS#12, and tells no key to anybody', async () => {
    const now = harness.clock.now();
    const root = makeKeyPair();
    const certificate = makeAuthority({
      commonName: 'Corporate root',
      uri: 'https://corp.test',
      serial: makeSerial(systemRandom),
      pathLength: 1,
      privateKey: root.privateKey,
      notBeforeMs: now - HOUR_MS,
      notAfterMs: now + 30 * DAY_MS,
    });
    // A root may sign leaves itself, if it is brought in as its own intermediate it is refused: two certificates are needed.
    const file = writePkcs12(
      { privateKey: root.privateKey, certificates: certificate },
      { password: 'pw', name: 'corp', random: systemRandom },
    );
    const refused = await ask('POST', '/intermediate', { pkcs12: file.toString('base64'), password: 'pw' });
    expect(refused.json.code).toBe('AUTH_CA_BAD_CERTIFICATE');
    const csr = await ask('POST', '/csr');
    expect(csr.text).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----/);
    await ask('POST', '/intermediate', { certificates: certificate, privateKey: root.privateKey });
    await ask('POST', '/prepare');
    await ask('POST', '/issue', { publicKey: root.privateKey, path: '/a' });
    await ask('POST', '/issue', `{"publicKey": "${root.privateKey}`);
    await ask('GET', '/state');
    await ask('GET', '/audit');
    await ask('GET', '/bundle');
    const told = [...answers, ...lines, JSON.stringify(harness.audit.entries)].join('\n');
    expect(told.length).toBeGreaterThan(3_000);
    expect(told).not.toContain('PRIVATE KEY');
    const secrets = [root.privateKey];
    for (const name of await harness.keys.names()) secrets.push((await harness.keys.read(name)) ?? '');
    expect(secrets.length).toBeGreaterThan(4);
    for (const secret of secrets) {
      const [, first = '', second = ''] = secret.split('\n');
      expect(first.length).toBe(64);
      // The first line has what all keys have in common; its end and the second have the secret.
      expect(told).not.toContain(first.slice(-20));
      expect(told).not.toContain(second.slice(0, 40));
    }
  });
});
