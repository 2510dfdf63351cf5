import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createHttpClient } from '../../core/http/client.ts';
import type { HttpClient } from '../../core/http/client.ts';
import { listen } from '../../core/http/server.ts';
import { silentLogger } from '../../core/log.ts';
import { WorkloadDesk, taskFacts } from '../testing/workload-desk.ts';
import { makeKeyRequest } from '../x509/csr.ts';
import { makeKeyPair } from '../x509/make.ts';
import { remoteAuthority } from './remote-authority.ts';
import type { TaskAuthority, TaskNews } from './task-authority.ts';

const CLAIM = { agentId: 'agent-1', frameworkId: 'fw-1', taskId: 'web.1' };
let desk: WorkloadDesk;
let client: HttpClient;
let authority: TaskAuthority;

beforeEach(async () => {
  desk = await WorkloadDesk.open();
  desk.tasks.all.add(taskFacts('web.1'));
  client = createHttpClient();
  const url = `http://127.0.0.1:${await listen(desk.api, '127.0.0.1', 0)}`;
  authority = remoteAuthority({ url, client, clock: systemClock, log: silentLogger });
});
afterEach(async () => {
  await client.close();
  await desk.close();
});

describe('the authority over HTTP', () => {
  it('signs as it does in one process', async () => {
    const issued = await authority.sign(CLAIM, makeKeyRequest(makeKeyPair()));
    expect(issued.id).toBe('spiffe://test.local/framework/marathon/task/web');
    expect(issued.root).toBe(desk.authority.view().state.active.root.id);
    expect(issued.notAfterMs).toBeGreaterThan(desk.harness.clock.now());
    const token = await authority.signJwt(CLAIM, ['db']);
    expect(token).toMatchObject({ id: issued.id });
    expect(token.expiresMs).toBeGreaterThan(token.issuedMs);
  });

  it('says why not', async () => {
    await expect(authority.signJwt({ ...CLAIM, taskId: 'no' }, ['db'])).rejects.toThrow(/AUTH_SIGN_NO_TASK/);
  });

  it('tells its news, and each change of them', async () => {
    const heard: TaskNews[] = [];
    const { promise: second, resolve } = Promise.withResolvers<void>();
    const { promise: first, resolve: begun } = Promise.withResolvers<void>();
    const end = authority.follow((news) => {
      heard.push(news);
      (heard.length === 1 ? begun : resolve)();
    });
    await first;
    await desk.authority.prepare('me');
    await second;
    expect(heard.map(({ bundle }) => bundle.roots.length)).toEqual([1, 2]);
    expect(heard[1]?.bundle).toEqual(desk.authority.bundle);
    expect(JSON.parse(heard[0]?.jwks ?? '')).toMatchObject({ keys: [{ alg: 'ES256' }] });
    end();
  });
});
