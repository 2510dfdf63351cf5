import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinWithToken } from '../../src/auth/join/client.ts';
import { askAs } from '../support/ask-as.ts';
import { hasConsul } from '../support/consul.ts';
import { eventually, pause } from '../support/eventually.ts';
import { SECRET, ask, policyFor, sample } from '../support/mtls.ts';
import { canSeeProcesses } from '../support/processes.ts';
import { OPERATOR, SealedMasters } from '../support/sealed-masters.ts';
import type { SealedMaster } from '../support/sealed-masters.ts';

// Three masters share accounts, tokens and the authority in Consul. The leader is killed, then another one stopped: what was given out holds, what was taken
// away stays away, and tasks go on speaking mutual TLS.

const SLOWLY = { timeoutMs: 90_000 };
const BACK_WITHIN_MS = 10_000;
/** Renewed at half of that. */
const LEAF_SECONDS = 24;

interface Kept {
  readonly svid: { readonly certificateChain: string; readonly notBeforeMs: number };
  readonly root: string;
}

describe.skipIf(!hasConsul || !canSeeProcesses)('identity of three masters (needs Consul)', () => {
  let all: SealedMasters;
  let login = '';
  let client = 0;

  const asLeader = async (
    leader: SealedMaster,
    path: string,
    method = 'GET',
    body?: unknown,
  ): Promise<Record<string, unknown>> => {
    const { status, text } = await all.ask(leader, path, { method, body, login });
    expect([path, status < 300], text).toEqual([path, true]);
    return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
  };
  const statusAt = async (master: SealedMaster, path: string, as = login): Promise<number | string> =>
    all.ask(master, path, { login: as, timeoutMs: 5_000 }).then(
      ({ status }) => status,
      (error: unknown) => String(error),
    );
  const marathon = async (method: string, path: string, body?: unknown): Promise<string> => {
    const folder = all.folder(await all.leader());
    const as = { identity: join(folder, 'operator.pem'), bundle: join(folder, 'bundle.pem') };
    const options = { method, body, login: OPERATOR };
    const { status, text } = await askAs(as, all.site.ports.marathon, `/v2${path}`, options);
    expect(status, text).toBeLessThan(300);
    return text;
  };
  const run = async (name: string): Promise<number> => {
    await marathon('POST', '/apps', sample(name));
    return eventually(
      `${name} to run`,
      async () => {
        const { tasks } = JSON.parse(await marathon('GET', `/apps/${name}/tasks`)) as {
          tasks: { state: string; ports: number[] }[];
        };
        return tasks.find(({ state }) => state === 'TASK_RUNNING')?.ports[0];
      },
      SLOWLY,
    );
  };
  const kept = (): Kept => {
    const text = readFileSync(join(all.site.data, 'agent', 'agent-identity', 'identity.key'), 'utf8');
    return JSON.parse(text.slice(text.indexOf('{'))) as Kept;
  };

  beforeAll(async () => {
    all = await SealedMasters.start(3, {
      'auth.ca.leafSeconds': String(LEAF_SECONDS),
      'auth.ca.intermediateSeconds': '120',
    });
    const leader = await all.leader();
    login = await all.logIn(leader, true);
    const { tasks } = all.site.ports;
    const policy = join(all.site.data, 'policy.yaml');
    writeFileSync(policy, policyFor('client'));
    // By one that stands by: the command goes where that sends it.
    const standby = all.standby(leader);
    await all.join('agent', await all.token(standby, 'agent', 'one', login), {
      'auth.workload.authority': all.authorities,
      'auth.policy.file': policy,
      'agent.onStop': 'kill',
      'agent.resources': `cpus:8;mem:8192;disk:8192;ports:[${tasks}-${tasks + 99}]`,
      'mesh.firstPort': String(tasks + 100),
      'mesh.lastPort': String(tasks + 199),
      'mesh.vips': 'off',
    });
    await all.join('marathon', await all.token(standby, 'framework', 'one', login), {});
    await run('server');
    client = await run('client');
    await eventually(
      'the client to reach the server',
      async () => (await ask(client)).text.includes(SECRET),
      SLOWLY,
    );
  }, 240_000);

  afterAll(() => all?.close());

  it('is that of one authority, whoever of them is asked', async () => {
    const leader = await all.leader();
    const bundle = (await all.ask(leader, '/ca/v1/bundle')).text;
    for (const master of all.masters) {
      expect(readFileSync(join(all.folder(master), 'bundle.pem'), 'utf8')).toBe(bundle);
      if (master === leader) continue;
      const there = `//127.0.0.1:${leader.auth}/ca/v1/bundle`;
      expect(await all.ask(master, '/ca/v1/bundle')).toMatchObject({ status: 307, location: there });
      expect(await all.ask(master, '/slaves', {}, 'port')).toMatchObject({
        status: 307,
        location: `//127.0.0.1:${leader.port}/slaves`,
      });
      expect(existsSync(join(all.site.data, master.name, 'master'))).toBe(false);
    }
  });

  it(
    'goes over to the next leader: what was given out, and what was taken away',
    { timeout: 240_000 },
    async () => {
      const leader = await all.leader();
      // Given out: a session, a root that is prepared. Taken away: a session, an identity, and a token that is spent.
      const over = await all.logIn(leader);
      await all.ask(leader, '/acs/api/v1/auth/logout', { login: over });
      expect(await statusAt(leader, '/ca/v1/state', over)).toBe(401);
      const url = all.authorities;
      const token = await all.token(leader, 'edge', 'gone', login);
      const { svid } = await joinWithToken(token, { url, trustDomain: 'rimrock.local' });
      const gone = {
        identity: join(all.site.data, 'gone.pem'),
        bundle: join(all.folder(leader), 'bundle.pem'),
      };
      writeFileSync(gone.identity, svid.certificateChain + svid.privateKey);
      const { tokens } = await asLeader(leader, '/ca/v1/tokens');
      const { id } = (tokens as { id: string; name: string }[]).find(({ name }) => name === 'gone') ?? {};
      await asLeader(leader, `/ca/v1/tokens/${id}`, 'DELETE');
      const rule = { name: 'eve', effect: 'deny', who: 'user:eve', may: 'call' };
      await asLeader(leader, '/policy/v1/rules', 'PUT', { revision: 0, rules: [rule] });
      const before = await asLeader(leader, '/ca/v1/prepare', 'POST', {});

      const failures: string[] = [];
      let answered = 0;
      const stop = new AbortController();
      const traffic = (async () => {
        while (!stop.signal.aborted) {
          const { status, text } = await ask(client);
          if (status === 200 && text.includes(SECRET)) answered++;
          else failures.push(`${status} ${text}`);
          await pause(20);
        }
      })();
      const killedMs = Date.now();
      await leader.running.kill9();
      all.masters.splice(all.masters.indexOf(leader), 1);
      const next = await eventually(
        'the session to be known again',
        async () => {
          for (const master of all.masters)
            if ((await statusAt(master, '/ca/v1/state')) === 200) return master;
          return undefined;
        },
        SLOWLY,
      );
      const backMs = Date.now() - killedMs;
      expect(backMs).toBeLessThan(BACK_WITHIN_MS);

      expect(await statusAt(next, '/ca/v1/state', over)).toBe(401);
      const { active, next: prepared } = await asLeader(next, '/ca/v1/state');
      expect({ root: (active as { root: object }).root, prepared }).toEqual({
        root: (before['active'] as { root: object }).root,
        prepared: before['next'],
      });
      expect(await asLeader(next, '/policy/v1/rules')).toMatchObject({ own: [{ name: 'eve' }] });
      await expect(joinWithToken(token, { url, trustDomain: 'rimrock.local' })).rejects.toMatchObject({
        code: 'AUTH_JOIN_TOKEN_REFUSED',
      });
      const renewal = { method: 'POST', body: { csr: 'none' } };
      expect(await askAs(gone, next.auth, '/ca/v1/renew', renewal)).toMatchObject({
        status: 403,
        text: expect.stringContaining('AUTH_JOIN_NOT_RENEWED'),
      });

      // The new leader renews what the old one gave, below the same root; nobody of those who speak to each other noticed.
      const { root } = kept();
      await eventually('the agent to be renewed', () => kept().svid.notBeforeMs > killedMs, SLOWLY);
      expect(kept().root).toBe(root);
      await pause(LEAF_SECONDS * 1000); // every certificate of a task from before has ended by now
      stop.abort();
      await traffic;
      console.log({ backMs, answered, failures: failures.length });
      expect(failures).toEqual([]);
      expect(answered).toBeGreaterThan(100);

      const again = await all.launch(leader);
      await eventually('it to send on', async () => (await statusAt(again, '/ca/v1/state')) === 307, SLOWLY);
    },
  );

  it(
    'is not served by one that stood still: what was taken away meanwhile stays away',
    { timeout: 120_000 },
    async () => {
      const leader = await all.leader();
      const other = await all.logIn(leader);
      process.kill(leader.running.pid, 'SIGSTOP');
      const rest = all.masters.filter((m) => m !== leader);
      const next = await eventually(
        'another one to lead',
        async () => {
          for (const master of rest) if ((await statusAt(master, '/ca/v1/state')) === 200) return master;
          return undefined;
        },
        SLOWLY,
      );
      expect(await statusAt(next, '/ca/v1/state', other)).toBe(200);
      expect(await statusAt(next, '/acs/api/v1/auth/logout', other)).toBeLessThan(300);
      // Asked while it stands still, and answered when it goes on.
      const late = [1, 2, 3].map(() => all.ask(leader, '/ca/v1/state', { login: other }));
      await pause(500);
      process.kill(leader.running.pid, 'SIGCONT');
      for (const answer of late) expect([307, 503]).toContain((await answer).status);
      await eventually(
        'it to stand by',
        async () => (await statusAt(leader, '/ca/v1/state', other)) === 307,
        SLOWLY,
      );
      expect(await statusAt(next, '/ca/v1/state', other)).toBe(401);
    },
  );
});
