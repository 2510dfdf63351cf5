import { X509Certificate, createPublicKey } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import type { JSONWebKeySet } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WorkloadDesk, taskFacts } from '../testing/workload-desk.ts';
import { makeKeyRequest } from '../x509/csr.ts';
import { makeCsr, makeKeyPair } from '../x509/make.ts';
import type { KeyPair } from '../x509/make.ts';
import { SIGN_ROUTES } from './sign-routes.ts';

const AGENT = 'spiffe://test.local/agent/agent-1';
const TASK = { agentId: 'agent-1', frameworkId: 'fw-1', taskId: 'web.1' };

let desk: WorkloadDesk;
let pair: KeyPair;
beforeEach(async () => {
  desk = await WorkloadDesk.open({ required: true });
  desk.tasks.all.add(taskFacts('web.1'));
  pair = makeKeyPair();
});
afterEach(() => desk.close());

const sign = (
  over: Record<string, unknown> = {},
  who: { as?: string; from?: string } = { as: AGENT },
): ReturnType<WorkloadDesk['post']> =>
  desk.post(SIGN_ROUTES.sign, { ...TASK, csr: makeKeyRequest(pair), ...over }, who);

describe('signing for tasks', () => {
  it('gives a task its id and its names for the key of the request', async () => {
    const { status, body } = await sign();
    expect(status).toBe(200);
    expect(body['id']).toBe('spiffe://test.local/framework/marathon/task/web');
    const chain = String(body['certificateChain']);
    expect(desk.harness.judge(desk.authority, chain)).toMatchObject({ ok: true, id: body['id'] });
    const leaf = new X509Certificate(chain);
    expect(leaf.publicKey.equals(createPublicKey(pair.publicKey))).toBe(true);
    expect(leaf.subjectAltName?.split(', ').toSorted()).toEqual([
      'DNS:upper.case.mesos',
      'DNS:web.marathon.mesos',
      `URI:${String(body['id'])}`,
    ]);
  });

  it("has no way to say another's id: what a request asks for is not read", async () => {
    const csr = makeCsr(
      { commonName: 'db', uri: 'spiffe://test.local/framework/marathon/task/db', names: ['db.mesos'] },
      pair.privateKey,
    );
    const { body } = await sign({ csr });
    expect(body['id']).toBe('spiffe://test.local/framework/marathon/task/web');
    const certificate = new X509Certificate(String(body['certificateChain']));
    expect(certificate.subject).toBe('CN=web');
    expect(certificate.subjectAltName).toContain('/task/web');
    expect(certificate.subjectAltName).not.toContain('db');
    expect(certificate.ca).toBe(false);
    expect((await sign({ path: '/framework/marathon/task/db' })).body['code']).toBe('AUTH_SIGN_BAD_REQUEST');
  });

  it('refuses tasks of other agents, and those that have ended', async () => {
    desk.tasks.all.add(taskFacts('db.1', { agentId: 'agent-2' }));
    expect(await sign({ taskId: 'db.1' })).toMatchObject({
      status: 404,
      body: { code: 'AUTH_SIGN_NO_TASK' },
    });
    expect(await sign({ taskId: 'db.1', agentId: 'agent-2' })).toMatchObject({
      status: 403,
      body: { code: 'AUTH_SIGN_NOT_PROVEN' },
    });
    desk.tasks.all.clear();
    expect((await sign()).body['code']).toBe('AUTH_SIGN_NO_TASK');
    expect(desk.authority.counts.leaves).toBe(0);
  });

  it('asks for the certificate of the agent where logins are required', async () => {
    expect((await sign({}, {})).status).toBe(401);
    for (const as of ['spiffe://test.local/agent/agent-2', 'spiffe://evil/agent/agent-1', `${AGENT}/x`])
      expect((await sign({}, { as })).body['code']).toBe('AUTH_SIGN_NOT_PROVEN');
    expect(desk.authority.counts.leaves).toBe(0);
  });

  it('takes the word of this machine alone where no logins are required', async () => {
    await desk.close();
    desk = await WorkloadDesk.open();
    desk.tasks.all.add(taskFacts('web.1'));
    for (const from of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
      expect((await sign({}, { from })).status).toBe(200);
    expect(await sign({}, { from: '192.0.2.7' })).toMatchObject({
      status: 403,
      body: { code: 'AUTH_SIGN_NOT_PROVEN' },
    });
  });

  it('refuses requests that do not prove their key', async () => {
    const stolen = makeKeyRequest({ publicKey: makeKeyPair().publicKey, privateKey: pair.privateKey });
    for (const csr of [stolen, pair.publicKey, 'x', ''])
      expect(await sign({ csr })).toMatchObject({ status: 400, body: { code: 'AUTH_SIGN_BAD_REQUEST' } });
    expect((await desk.post(SIGN_ROUTES.sign, [], { as: AGENT })).status).toBe(400);
  });

  it('gives a request that is sent again the same id for the same key, and nothing more', async () => {
    const csr = makeKeyRequest(pair);
    const [first, again] = [await sign({ csr }), await sign({ csr })];
    const [a, b] = [first, again].map(({ body }) => new X509Certificate(String(body['certificateChain'])));
    expect(a?.publicKey.equals(b?.publicKey ?? a.publicKey)).toBe(true);
    expect(a?.subjectAltName).toBe(b?.subjectAltName);
    expect(a?.serialNumber).not.toBe(b?.serialNumber);
  });

  it('has a limit for each agent', async () => {
    await desk.close();
    desk = await WorkloadDesk.open({ required: true, rate: 2 });
    desk.tasks.all.add(taskFacts('web.1'));
    const statuses: number[] = [];
    for (let n = 0; n < 25; n++) statuses.push((await sign()).status);
    expect(statuses.filter((s) => s === 200)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(429);
    desk.tasks.all.add(taskFacts('db.1', { agentId: 'agent-2' }));
    const other = { as: 'spiffe://test.local/agent/agent-2' };
    expect((await sign({ taskId: 'db.1', agentId: 'agent-2' }, other)).status).toBe(200);
    desk.harness.clock.advance(1_000);
    expect((await sign()).status).toBe(200);
  });
});

describe('tokens of tasks', () => {
  const token = async (audience: unknown = ['db']): Promise<string> => {
    const { body } = await desk.post(SIGN_ROUTES.signJwt, { ...TASK, audience }, { as: AGENT });
    return String(body['token'] ?? body['code']);
  };
  const jwks = async (): Promise<JSONWebKeySet> =>
    (await desk.api.inject({ url: SIGN_ROUTES.jwks })).json<JSONWebKeySet>();

  it('are verified by others, with what they find without a login', async () => {
    const found = await desk.api.inject({ url: SIGN_ROUTES.discovery });
    expect(found.json()).toMatchObject({
      issuer: 'https://id.example.test',
      jwks_uri: 'https://id.example.test/ca/v1/jwks.json',
    });
    const { payload, protectedHeader } = await jwtVerify(await token(), createLocalJWKSet(await jwks()), {
      audience: 'db',
      issuer: 'https://id.example.test',
      currentDate: new Date(desk.harness.clock.now()),
    });
    expect(payload.sub).toBe('spiffe://test.local/framework/marathon/task/web');
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'JWT' });
  });

  it('are for an audience, and for tasks that run', async () => {
    for (const audience of [[], [''], Array(17).fill('a'), 'db'])
      expect(await token(audience)).toBe('AUTH_SIGN_BAD_REQUEST');
    desk.tasks.all.clear();
    expect(await token()).toBe('AUTH_SIGN_NO_TASK');
  });

  it('change keys so that each is known before it signs, and after its last token has ended', async () => {
    const kidOf = async (): Promise<string> =>
      JSON.parse(Buffer.from((await token()).split('.')[0] ?? '', 'base64url').toString()).kid as string;
    const known = async (): Promise<unknown[]> => (await jwks()).keys.map(({ kid }) => kid);
    const day = 24 * 3600_000;
    const first = await kidOf();
    desk.harness.clock.advance(7 * day);
    expect(await kidOf()).toBe(first);
    expect(await known()).toHaveLength(2);
    desk.harness.clock.advance(61_000);
    const second = await kidOf();
    expect(second).not.toBe(first);
    expect(await known()).toEqual([second, first]);
    desk.harness.clock.advance(8 * day);
    await kidOf();
    expect(await known()).not.toContain(first);
  });

  it('come with news of the bundle, which wait for a change', async () => {
    const news = async (query: string): Promise<Record<string, unknown>> =>
      (await desk.api.inject({ url: `${SIGN_ROUTES.news}?${query}` })).json<Record<string, unknown>>();
    const now = await news('');
    expect(now).toMatchObject({ tainted: [], bundle: { trustDomain: 'test.local' } });
    const { sequence } = now['bundle'] as { sequence: number };
    const later = news(`after=${sequence}&waitMs=30000`);
    await desk.authority.prepare('me');
    expect((await later)['bundle']).toMatchObject({ roots: expect.objectContaining({ length: 2 }) });
    expect(JSON.stringify(await later)).not.toContain('PRIVATE');
    expect(await news('after=x')).toMatchObject({ code: 'AUTH_SIGN_BAD_REQUEST' });
  });
});
