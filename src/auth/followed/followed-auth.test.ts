import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { systemRandom } from '../../core/random.ts';
import { LeaderElection, memoryStore } from '../../store/index.ts';
import type { Leadership, Store } from '../../store/index.ts';
import { authConfigSchema } from '../config.ts';
import { FollowedAuth } from './followed-auth.ts';

/** So that a test takes no half second. */
const PASSPHRASE = 'a passphrase of all masters';
const CHEAP = { n: 2 ** 4, r: 8, p: 1 };

/** A machine on which a master would be, with what leads along with it. */
class Machine {
  readonly auth: FollowedAuth;
  readonly health = new Health();
  readonly election: LeaderElection<string>;
  readonly #stopping = new AbortController();
  readonly #operator: string;
  /** As after a pause of the process: the term is over, and nobody here knows. */
  lapsed = false;
  /** How often it was. */
  elected = 0;
  /** Of its terms, the newest. */
  resign: () => void = () => {};

  constructor(name: string, store: Store, folder: string, more: object = {}) {
    this.#operator = join(folder, name, 'operator.pem');
    const config = authConfigSchema.parse({
      tls: 'required',
      port: 0,
      trustDomain: 'test.local',
      keys: { passphraseFile: join(folder, 'passphrase') },
      ...more,
    });
    const parts = { clock: systemClock, random: systemRandom, log: silentLogger, health: this.health };
    this.auth = new FollowedAuth({
      ...parts,
      config,
      folder: join(folder, name),
      store,
      metrics: new Metrics(),
      names: ['127.0.0.1'],
      standing: () => this.election.standing(),
      vaultCost: CHEAP,
      workloads: { tasks: { find: () => undefined }, namesOf: () => [] },
    });
    this.election = new LeaderElection({
      ...parts,
      store: this.#lapsing(store),
      election: 'master',
      name: () => `127.0.0.1:${this.auth.port}`,
      read: (text) => text,
      begin: (term) => {
        this.elected++;
        this.resign = () => term.resign();
        return this.auth.begin(term);
      },
      end: () => this.auth.end(),
    });
  }

  async start(): Promise<this> {
    await this.auth.start();
    await this.election.start();
    return this;
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    await this.election.stop();
    await this.auth.stop();
  }

  get roots(): readonly string[] {
    return this.auth.tls?.identity.current?.bundle.roots ?? [];
  }

  get leads(): boolean {
    return this.election.standing().kind === 'leads';
  }

  /** As the operator of this machine. */
  async ask(
    path: string,
    { method = 'GET', body, token }: { method?: string; body?: object; token?: string } = {},
  ): Promise<{ readonly status: number; readonly text: string; readonly location: string | undefined }> {
    await until(() => existsSync(this.#operator));
    const identity = readFileSync(this.#operator, 'utf8');
    const sent = request({
      host: '127.0.0.1',
      port: this.auth.port,
      path,
      method,
      agent: false,
      cert: identity,
      key: identity,
      ca: [...this.roots],
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `token=${token}` }),
      },
    });
    sent.end(body && JSON.stringify(body));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const piece of response) text += String(piece);
    return { status: response.statusCode ?? 0, text, location: response.headers.location };
  }

  #lapsing(store: Store): Store {
    const late = (): boolean => this.lapsed;
    const elect = async function* (...asked: Parameters<Store['elect']>): AsyncGenerator<Leadership> {
      for await (const { term, ...news } of store.elect(...asked))
        yield term ? { ...news, term: { ...term, holds: () => !late() && term.holds() } } : news;
    };
    return new Proxy(store, {
      get: (target, key) => {
        if (key === 'elect') return elect;
        const value = Reflect.get(target, key) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  }
}

let folder: string;
let store: Store;
const machines: Machine[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rimrock-followed-'));
  writeFileSync(join(folder, 'passphrase'), `${PASSPHRASE}\n`);
  store = memoryStore();
});
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(name: string, more: object = {}): Promise<Machine> {
  const machine = new Machine(name, store, folder, more);
  machines.push(machine);
  return machine.start();
}

/** Resolves once `holds` does. */
async function until(holds: () => boolean): Promise<void> {
  await expect.poll(holds, { timeout: 20_000, interval: 10 }).toBe(true);
}

const ADMIN = { uid: 'admin', new_password: 'a-long-password-for-tests' };

async function login(machine: Machine, body: object): Promise<string> {
  const { text } = await machine.ask('/acs/api/v1/auth/login', { method: 'POST', body });
  return (JSON.parse(text) as { token: string }).token;
}

async function firstLogin(machine: Machine): Promise<string> {
  const [, password] = /one-time password (\S+) /.exec(machine.auth.notes().join()) ?? [];
  return login(machine, { ...ADMIN, password });
}

describe('identity of several masters', () => {
  it('is served by the leader, to whom the others send, each proving to be a master of one authority', async () => {
    const one = await start('one');
    const two = await start('two');
    await until(() => two.roots.length > 0);
    expect([one.leads, two.leads]).toEqual([true, false]);
    expect(two.roots).toEqual(one.roots);
    expect(one.auth.tls?.identity.current?.svid.id).toBe('spiffe://test.local/master');
    const there = `//127.0.0.1:${one.auth.port}`;
    for (const path of ['/ca/v1/bundle?format=pem', '/ca/v1/jwks.json', '/acs/api/v1/users', '/nothing']) {
      const { status, location } = await two.ask(path);
      expect([path, status, location]).toEqual([path, 307, there + path]);
    }
    expect((await two.ask('/ready')).status).toBe(200);
    expect(JSON.parse((await two.ask('/health')).text)).toMatchObject({
      conditions: { identity: { ok: true, detail: 'stands by' } },
    });
    expect((await one.ask('/ca/v1/bundle')).text).toBe(one.roots.join(''));
    expect((await one.ask('/nothing')).status).toBe(404);
  });

  it('goes on with the next leader: accounts, sessions, rules, tokens and the authority', async () => {
    const one = await start('one', { required: true });
    const two = await start('two', { required: true });
    const token = await firstLogin(one);
    const more = { method: 'POST', token, body: { for: 'agent', name: 'a1' } };
    const joinToken = JSON.parse((await one.ask('/ca/v1/tokens', more)).text) as { id: string };
    expect((await one.ask(`/ca/v1/tokens/${joinToken.id}`, { method: 'DELETE', token })).status).toBe(204);
    const rules = { revision: 0, rules: [{ name: 'eve', effect: 'deny', who: 'user:eve', may: 'call' }] };
    expect((await one.ask('/policy/v1/rules', { method: 'PUT', token, body: rules })).status).toBe(200);
    const over = await login(one, { ...ADMIN, password: ADMIN.new_password, new_password: undefined });
    const ended = (await one.ask('/acs/api/v1/auth/logout', { token: over })).status;
    expect(ended).toBeLessThan(300);
    const roots = one.roots;
    await one.ask('/ca/v1/prepare', { method: 'POST', token, body: {} });

    one.resign();
    await until(() => two.leads);
    expect(two.auth.notes()).toEqual([]);
    expect((await one.ask('/acs/api/v1/users', { token })).status).toBe(307);
    expect((await two.ask('/acs/api/v1/users', { token })).status).toBe(200);
    expect((await two.ask('/acs/api/v1/users', { token: over })).status).toBe(401);
    const state = JSON.parse((await two.ask('/ca/v1/state', { token })).text) as { next?: object };
    expect(state.next).toBeDefined();
    const tokens = (await two.ask('/ca/v1/tokens', { token })).text;
    expect(JSON.parse(tokens)).toMatchObject({ tokens: [{ id: joinToken.id, revoked: true }] });
    const inForce = JSON.parse((await two.ask('/policy/v1/rules', { token })).text) as { own: object[] };
    expect(inForce.own).toMatchObject([{ who: ['user:eve'] }]);
    expect(two.roots[0]).toBe(roots[0]);
    await until(() => one.roots.length === 2 && two.roots.length === 2);

    // And back again, with what the other did.
    expect((await two.ask('/ca/v1/discard', { method: 'POST', token, body: {} })).status).toBe(200);
    two.resign();
    await until(() => one.leads);
    expect((await one.ask('/acs/api/v1/users', { token })).status).toBe(200);
    expect(JSON.parse((await one.ask('/ca/v1/state', { token })).text)).not.toHaveProperty('next');
  });

  it('is kept in the store for who has the passphrase alone', async () => {
    const one = await start('one', { required: true });
    const token = await firstLogin(one);
    await one.ask('/ca/v1/tokens', { method: 'POST', token, body: { for: 'agent', name: 'secretname' } });
    const entries = await store.list('');
    expect(entries.map(({ key }) => key.split('/')[1])).toEqual(
      expect.arrayContaining(['ca', 'keys', 'users', 'sessions', 'join', 'token-keys']),
    );
    const all = entries.map(({ value }) => value).join('\n');
    for (const told of ['PRIVATE', 'CERTIFICATE', 'admin', 'secretname', 'scrypt$'])
      expect([told, all.includes(told)]).toEqual([told, false]);
  });

  it('does not start with another passphrase, and changes nothing', async () => {
    await start('one');
    writeFileSync(join(folder, 'other'), 'another one\n');
    const keys = { passphraseFile: join(folder, 'other') };
    const before = (await store.list('')).map(({ key, revision }) => [key, revision]);
    const two = new Machine('two', store, folder, { keys });
    await expect(two.start()).rejects.toMatchObject({
      code: 'AUTH_VAULT_LOCKED',
      message: expect.stringContaining(join(folder, 'other')),
    });
    expect((await store.list('')).map(({ key, revision }) => [key, revision])).toEqual(before);
  });

  it('has another passphrase once one who leads was given the new before the old one, and knows all it knew', async () => {
    const one = await start('one', { required: true });
    const token = await firstLogin(one);
    writeFileSync(join(folder, 'changed'), `the passphrase from now on\n${PASSPHRASE}\n`);
    const two = await start('two', { required: true, keys: { passphraseFile: join(folder, 'changed') } });
    const before = await store.get('auth-vault');
    one.resign();
    await until(() => two.leads);
    expect((await store.get('auth-vault'))?.revision).toBeGreaterThan(before?.revision ?? 0);
    expect((await two.ask('/acs/api/v1/users', { token })).status).toBe(200);
    // The other one runs on, and can lead again.
    two.resign();
    await until(() => one.leads);
    expect((await one.ask('/acs/api/v1/users', { token })).status).toBe(200);
    // Who starts needs the new one.
    const three = new Machine('three', store, folder);
    await expect(three.auth.start()).rejects.toMatchObject({ code: 'AUTH_VAULT_LOCKED' });
    await three.auth.stop();
  });

  it('asks for its passphrase before it stands for election', async () => {
    const keys = { passphraseFile: join(folder, 'none') };
    const { auth } = new Machine('one', store, folder, { keys });
    await expect(auth.start()).rejects.toMatchObject({ code: 'AUTH_PASSPHRASE_UNREADABLE' });
    await auth.stop();
  });

  it('is not begun by a master with another passphrase, elected or not, which says so', async () => {
    writeFileSync(join(folder, 'other'), 'a passphrase of somebody else\n');
    const two = new Machine('two', store, folder, { keys: { passphraseFile: join(folder, 'other') } });
    machines.push(two);
    await two.auth.start(); // there is nothing yet that it could not open
    const one = await start('one');
    await two.election.start();
    const before = (await store.list('')).map(({ key, revision }) => [key, revision]);
    one.resign();
    // It is elected, and gives up its place.
    await until(() => two.elected > 0 && one.leads);
    expect(two.leads).toBe(false);
    expect(two.health.report().conditions['identity']).toMatchObject({
      ok: false,
      detail: expect.stringContaining(join(folder, 'other')),
    });
    expect((await store.list('')).map(({ key, revision }) => [key, revision])).toEqual(before);
  });

  it('does without TLS', async () => {
    const one = await start('one', { tls: 'off', required: true });
    const two = await start('two', { tls: 'off', required: true });
    const at = (machine: Machine, path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`http://127.0.0.1:${machine.auth.port}${path}`, { redirect: 'manual', ...init });
    expect((await at(one, '/acs/api/v1/users')).status).toBe(401);
    const sent = await at(two, '/acs/api/v1/users');
    expect([sent.status, sent.headers.get('location')]).toEqual([
      307,
      `//127.0.0.1:${one.auth.port}/acs/api/v1/users`,
    ]);
    const [, password] = /one-time password (\S+) /.exec(one.auth.notes().join()) ?? [];
    const answer = await at(two, '/acs/api/v1/auth/login', {
      method: 'POST',
      redirect: 'follow',
      body: JSON.stringify({ ...ADMIN, password }),
    });
    const { token } = (await answer.json()) as { token: string };
    one.resign();
    await until(() => two.leads);
    const known = await at(two, '/acs/api/v1/users', { headers: { authorization: `token=${token}` } });
    expect(known.status).toBe(200);
  });

  it('says nothing in the name of a term that was over when the answer was ready', async () => {
    const one = await start('one');
    const state = (): Promise<{ readonly status: number }> => one.ask('/ca/v1/state');
    expect((await state()).status).toBe(200);
    // The question is taken in time, and waits; then the process stands still.
    const news = one.ask('/ca/v1/news?after=1&waitMs=300');
    const audit = one.ask('/ca/v1/audit'); // is answered at once, so the other has come in
    expect((await audit).status).toBe(200);
    one.lapsed = true;
    expect((await news).status).toBe(503);
    expect([one.leads, (await state()).status]).toEqual([false, 503]);
  });

  it('does not let somebody in who is known no more, after the account was removed at another leader', async () => {
    const one = await start('one', { required: true });
    const two = await start('two', { required: true });
    const token = await firstLogin(one);
    const eve = { method: 'PUT', token, body: { password: 'a-long-password-for-eve' } };
    await one.ask('/acs/api/v1/users/eve', eve);
    const hers = await login(one, { uid: 'eve', password: 'a-long-password-for-eve' });
    expect((await one.ask('/acs/api/v1/users/eve', { token: hers })).status).toBe(200);
    one.resign();
    await until(() => two.leads);
    expect((await two.ask('/acs/api/v1/users/eve', { token: hers })).status).toBe(200);
    expect((await two.ask('/acs/api/v1/users/eve', { method: 'DELETE', token })).status).toBe(204);
    two.resign();
    await until(() => one.leads);
    expect((await one.ask('/acs/api/v1/users/eve', { token: hers })).status).toBe(401);
  });
});
