import { execFileSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Metadata, credentials, loadPackageDefinition, status } from '@grpc/grpc-js';
import type { Client, ClientReadableStream, ServiceClientConstructor, ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTaskIdentities } from '../../src/auth/workload/index.ts';
import { workloadConfigSchema } from '../../src/auth/workload/config.ts';
import { WorkloadDesk, taskFacts } from '../../src/auth/testing/workload-desk.ts';
import { chainOf } from '../../src/auth/x509/judge.ts';
import type { TaskIdentities } from '../../src/core/identity.ts';
import type { Component } from '../../src/core/lifecycle.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { systemRandom } from '../../src/core/random.ts';
import { has } from '../support/peers.ts';
import { root } from '../support/root.ts';

// The SPIFFE Workload API as a client made from the published definition sees it.

/** What a stub of grpc-js has for each method. */
interface Api extends Client {
  FetchX509SVID(request: object, metadata: Metadata): ClientReadableStream<X509Response>;
  FetchX509Bundles(request: object, metadata: Metadata): ClientReadableStream<Bundles>;
  FetchJWTBundles(request: object, metadata: Metadata): ClientReadableStream<Bundles>;
  FetchJWTSVID(request: object, metadata: Metadata, done: Done<JwtResponse>): void;
  ValidateJWTSVID(request: object, metadata: Metadata, done: Done<Validated>): void;
}
type Done<T> = (error: ServiceError | null, answer: T) => void;
interface X509Response {
  svids: { spiffeId: string; x509Svid: Buffer; x509SvidKey: Buffer; bundle: Buffer; hint: string }[];
}
interface Bundles {
  bundles: Record<string, Buffer>;
}
interface JwtResponse {
  svids: { spiffeId: string; svid: string }[];
}
interface Validated {
  spiffeId: string;
  claims: { fields: Record<string, { stringValue: string; numberValue: number }> };
}

/** An event that others may keep waiting. */
const SOON_MS = 20_000;
const ID = 'spiffe://test.local/framework/marathon/task/web';
const TRUST_DOMAIN = 'spiffe://test.local';
const WEB = taskFacts('web.1');
const GOOD = new Metadata();
GOOD.set('workload.spiffe.io', 'true');

let desk: WorkloadDesk;
let home: string;
let identities: TaskIdentities & Component;
let environment: Readonly<Record<string, string>>;
let api: Api;

beforeAll(async () => {
  desk = await WorkloadDesk.open();
  desk.tasks.all.add(WEB);
  home = mkdtempSync(join(tmpdir(), 'rr-api-'));
  identities = createTaskIdentities({
    config: workloadConfigSchema.parse({}),
    authority: desk.room,
    folder: home,
    clock: desk.harness.clock,
    random: systemRandom,
    log: silentLogger,
    metrics: new Metrics(),
  });
  await identities.start();
  const provided = identities.provide(WEB, { sandbox: join(home, 'sandbox') });
  await vi.waitFor(() => {
    desk.harness.clock.advance(0);
    expect(identities.sourceOf(WEB)?.current).toBeDefined();
  }, SOON_MS);
  environment = await provided;
  api = client();
});
afterAll(async () => {
  api.close();
  await identities.stop();
  await desk.close();
  rmSync(home, { recursive: true, force: true });
});

function client(socket = environment['SPIFFE_ENDPOINT_SOCKET'] ?? ''): Api {
  const definition = loadSync(join(root, 'test/fixtures/spiffe/workload.proto'), { defaults: true });
  const stub = loadPackageDefinition(definition)['SpiffeWorkloadAPI'] as ServiceClientConstructor;
  return new stub(socket, credentials.createInsecure()) as unknown as Api;
}

/** Answers as they come, and how it ended. */
function reading<T>(stream: ClientReadableStream<T>): { answers: T[]; failed: Promise<ServiceError> } {
  const answers: T[] = [];
  stream.on('data', (answer: T) => answers.push(answer));
  const failed = new Promise<ServiceError>((resolve) =>
    stream.on('error', (e) => resolve(e as ServiceError)),
  );
  return { answers, failed };
}

const call = <T>(start: (done: Done<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => start((error, answer) => (error ? reject(error) : resolve(answer))));
const fetchJwt = (request: object, metadata = GOOD): Promise<JwtResponse> =>
  call((done) => api.FetchJWTSVID(request, metadata, done));
const validate = (audience: string, svid: string): Promise<Validated> =>
  call((done) => api.ValidateJWTSVID({ audience, svid }, GOOD, done));

/** Half of a life goes by. */
async function renewal(): Promise<void> {
  const before = identities.sourceOf(WEB)?.current?.svid.certificateChain;
  const source = identities.sourceOf(WEB);
  while (source?.current?.svid.certificateChain === before) {
    desk.harness.clock.advance(5_000); // less than an attempt may take
    await new Promise(setImmediate);
  }
}

describe('the SPIFFE Workload API', () => {
  it('gives an X.509-SVID with its key and roots, and another when that is renewed', async () => {
    const stream = api.FetchX509SVID({}, GOOD);
    const { answers } = reading(stream);
    stream.on('error', () => {});
    await vi.waitFor(() => expect(answers).toHaveLength(1), SOON_MS);
    await renewal();
    await vi.waitFor(() => expect(answers.length).toBeGreaterThan(1), SOON_MS);
    for (const { svids } of [answers[0], answers.at(-1)].filter((a) => a !== undefined)) {
      const [svid] = svids;
      if (!svid) throw new Error('no SVID');
      const leaf = new X509Certificate(svid.x509Svid);
      const key = createPrivateKey({ key: svid.x509SvidKey, type: 'pkcs8', format: 'der' });
      expect([svid.spiffeId, leaf.checkPrivateKey(key)]).toEqual([ID, true]);
      expect(leaf.subjectAltName).toContain(`URI:${ID}`);
      expect(svid.bundle.equals(Buffer.concat(chainOf(desk.authority.bundle.roots.join(''))))).toBe(true);
    }
    const [first, last] = [answers[0], answers.at(-1)].map((a) => a?.svids[0]?.x509Svid);
    expect(first?.equals(last ?? Buffer.alloc(0))).toBe(false);
    stream.cancel();
  });

  it('gives the roots of the trust domain, and tells when they change', async () => {
    const stream = api.FetchX509Bundles({}, GOOD);
    const { answers } = reading(stream);
    stream.on('error', () => {});
    await vi.waitFor(() => expect(answers).toHaveLength(1), SOON_MS);
    await renewal();
    await desk.authority.prepare('test');
    await vi.waitFor(() => expect(answers).toHaveLength(2), SOON_MS);
    const [before, after] = answers.map(({ bundles }) => bundles[TRUST_DOMAIN]?.length ?? 0);
    expect(after).toBeGreaterThan(before ?? 0);
    stream.cancel();
  });

  it('gives tokens for an audience, and judges them', async () => {
    const { svids } = await fetchJwt({ audience: ['db', 'cache'] });
    const token = svids[0]?.svid ?? '';
    expect(svids[0]?.spiffeId).toBe(ID);
    expect((await fetchJwt({ audience: ['db', 'cache'], spiffeId: ID })).svids[0]?.svid).toBe(token);
    const judged = await validate('db', token);
    expect(judged.spiffeId).toBe(ID);
    expect(judged.claims.fields['sub']?.stringValue).toBe(ID);
    expect(judged.claims.fields['exp']?.numberValue).toBeGreaterThan(1_700_000_000);
    const [head = '', , signature = ''] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ sub: `${ID}x`, aud: ['db'], exp: 9e9 })).toString(
      'base64url',
    );
    for (const [audience, svid] of [
      ['other', token],
      ['db', `${head}.${forged}.${signature}`],
      ['db', 'x'],
      ['', token],
    ] as const)
      await expect(validate(audience, svid)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    desk.harness.clock.advance(400_000);
    await expect(validate('db', token)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect((await fetchJwt({ audience: ['db', 'cache'] })).svids[0]?.svid).not.toBe(token);
  });

  it('gives the keys of tokens', async () => {
    const stream = api.FetchJWTBundles({}, GOOD);
    const { answers } = reading(stream);
    stream.on('error', () => {});
    await vi.waitFor(() => expect(answers.length).toBeGreaterThan(0), SOON_MS);
    const { keys } = JSON.parse(String(answers[0]?.bundles[TRUST_DOMAIN])) as { keys: object[] };
    expect(keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256' });
    expect(keys[0]).not.toHaveProperty('d');
    stream.cancel();
  });

  it('refuses calls without the mandatory metadata, and what no task may have', async () => {
    const wrong = new Metadata();
    wrong.set('workload.spiffe.io', 'yes');
    for (const metadata of [new Metadata(), wrong]) {
      for (const stream of [
        api.FetchX509SVID({}, metadata),
        api.FetchX509Bundles({}, metadata),
        api.FetchJWTBundles({}, metadata),
      ])
        expect((await reading(stream as ClientReadableStream<unknown>).failed).code).toBe(
          status.INVALID_ARGUMENT,
        );
      await expect(fetchJwt({ audience: ['db'] }, metadata)).rejects.toMatchObject({
        code: status.INVALID_ARGUMENT,
      });
    }
    await expect(fetchJwt({ audience: [] })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    await expect(fetchJwt({ audience: ['db'], spiffeId: `${ID}x` })).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
  });

  it.skipIf(!has('openssl'))('says what openssl verifies in the files (needs openssl)', () => {
    const at = (name: string): string => environment[`RIMROCK_${name}_FILE`] ?? '';
    const [cert, key, bundle] = [at('CERT'), at('KEY'), at('BUNDLE')];
    const openssl = (...words: string[]): string => execFileSync('openssl', words, { encoding: 'utf8' });
    const time = String(Math.floor(desk.harness.clock.now() / 1000));
    const words = ['verify', '-x509_strict', '-attime', time, '-CAfile', bundle, '-untrusted', cert];
    expect(openssl(...words, '-purpose', 'sslserver', cert)).toContain(': OK');
    expect(openssl(...words, '-verify_hostname', 'web.marathon.mesos', cert)).toContain(': OK');
    expect(openssl('x509', '-in', cert, '-noout', '-ext', 'subjectAltName')).toContain(`URI:${ID}`);
    expect(openssl('pkey', '-in', key, '-pubout')).toBe(openssl('x509', '-in', cert, '-noout', '-pubkey'));
  });

  it('ends when the task does', async () => {
    const { answers, failed } = reading(api.FetchX509SVID({}, GOOD));
    await vi.waitFor(() => expect(answers).toHaveLength(1), SOON_MS);
    await identities.release(WEB, { sandbox: join(home, 'sandbox') });
    expect((await failed).code).toBe(status.UNAVAILABLE);
  });
});

describe('the SPIFFE Workload API of a program that runs several tasks', () => {
  const program = { frameworkId: 'fw-1', executorId: 'ex', containerId: 'c1' };
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? { uid: 65_534, gid: 65_534 } : undefined;
  const at = (): { sandbox: string; program: typeof program; owner: typeof owner } => ({
    sandbox: join(home, 'executor'),
    program,
    owner,
  });
  const [one, two, twin] = [taskFacts('one.1'), taskFacts('two.1'), taskFacts('two.2')];
  const idOf = (name: string): string => `${TRUST_DOMAIN}/framework/marathon/task/${name}`;
  let told: Readonly<Record<string, string>>;

  beforeAll(async () => {
    for (const task of [one, two, twin]) desk.tasks.all.add(task);
    told = await identities.openProgram(at());
    api.close();
    api = client(told['SPIFFE_ENDPOINT_SOCKET']);
  });

  /** Timers fire; no time goes by. */
  async function provide(task: typeof one): Promise<void> {
    const state = { done: false };
    const provided = identities.provide(task, at()).finally(() => (state.done = true));
    while (!state.done) {
      desk.harness.clock.advance(0);
      await new Promise(setImmediate);
    }
    expect(await provided).toEqual({});
  }
  const hints = (answer: X509Response | undefined): string[] => (answer?.svids ?? []).map(({ hint }) => hint);

  it('has no identity while no task runs, and says so', async () => {
    const failed = await reading(api.FetchX509SVID({}, GOOD)).failed;
    expect(failed.code).toBe(status.PERMISSION_DENIED);
    await expect(fetchJwt({ audience: ['db'] })).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });

  it('gives those of all tasks that run, tells who comes and goes, and ends with the last', async () => {
    await provide(one);
    const { answers, failed } = reading(api.FetchX509SVID({}, GOOD));
    await vi.waitFor(() => expect(answers.map(hints)).toEqual([['one.1']]), SOON_MS);
    await provide(two);
    await provide(twin);
    await vi.waitFor(() => expect(hints(answers.at(-1))).toEqual(['one.1', 'two.1', 'two.2']), SOON_MS);
    for (const { spiffeId, x509Svid, x509SvidKey, hint } of answers.at(-1)?.svids ?? []) {
      const key = createPrivateKey({ key: x509SvidKey, type: 'pkcs8', format: 'der' });
      expect([spiffeId, new X509Certificate(x509Svid).checkPrivateKey(key)]).toEqual([
        idOf(hint.split('.')[0] ?? ''),
        true,
      ]);
    }
    // a token says only who somebody is: one for each id
    const all = await fetchJwt({ audience: ['db'] });
    expect(all.svids.map(({ spiffeId }) => spiffeId)).toEqual([idOf('one'), idOf('two')]);
    const asked = await fetchJwt({ audience: ['db'], spiffeId: idOf('two') });
    expect((await validate('db', asked.svids[0]?.svid ?? '')).spiffeId).toBe(idOf('two'));

    await identities.release(one, at());
    await vi.waitFor(() => expect(hints(answers.at(-1))).toEqual(['two.1', 'two.2']), SOON_MS);
    await expect(fetchJwt({ audience: ['db'], spiffeId: idOf('one') })).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    await identities.release(two, at());
    await identities.release(twin, at());
    expect((await failed).code).toBe(status.PERMISSION_DENIED);
  });

  it('is for the user of the program alone, and leaves nothing', async () => {
    await provide(one);
    const socket = told['SPIFFE_ENDPOINT_SOCKET']?.slice('unix://'.length) ?? '';
    const key = join(told['RIMROCK_TASK_IDENTITIES'] ?? '', 'one.1/current/key.pem');
    for (const { uid, mode } of [socket, dirname(socket), key].map((path) => statSync(path)))
      expect([uid, mode & 0o077]).toEqual([owner?.uid ?? process.getuid?.(), 0]);
    const { answers, failed } = reading(api.FetchX509SVID({}, GOOD));
    await vi.waitFor(() => expect(answers).toHaveLength(1), SOON_MS);
    await identities.closeProgram(at());
    expect((await failed).code).toBe(status.PERMISSION_DENIED);
    expect([existsSync(socket), readdirSync(join(home, 'executor'))]).toEqual([false, []]);
    await identities.closeProgram(at());
    await expect(identities.provide(one, at())).rejects.toThrow('is over');
  });
});
