import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAgentApi } from '../../src/agent/api/routes.ts';
import type { AgentView } from '../../src/agent/api/view.ts';
import { createExecutorTokens } from '../../src/agent/executors/tokens.ts';
import { ExecutorTrust } from '../../src/agent/executors/trust.ts';
import { TlsSite } from '../../src/auth/testing/tls-site.ts';
import { Health } from '../../src/core/health.ts';
import { createHttpClient } from '../../src/core/http/client.ts';
import type { HttpClient } from '../../src/core/http/client.ts';
import { systemSockets } from '../../src/core/http/sockets.ts';
import { listen } from '../../src/core/http/server.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';

const PLACE = { agentId: 'agent-1', frameworkId: 'fw-1', executorId: 'e-1', containerId: 'c-1' };
const HEARTBEAT = {
  type: 'HEARTBEAT',
  framework_id: { value: PLACE.frameworkId },
  executor_id: { value: PLACE.executorId },
};

describe('an executor and an agent whose API requires TLS', () => {
  const tokens = createExecutorTokens('a secret of the agent, long enough');
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-executor-tls-'));
  const clients: HttpClient[] = [];
  const endings: (() => Promise<void>)[] = [];
  let site: TlsSite;
  let trust: ExecutorTrust;
  let url: string;

  beforeEach(async () => {
    site = new TlsSite();
    await site.start('required', { spreadSeconds: 0 });
    const { tls } = await site.joined(await site.token({ name: 'a1', names: ['127.0.0.1'] }));
    trust = new ExecutorTrust(tls, folder, silentLogger);
    await trust.start();
    const door = {
      state: () => 'open' as const,
      tokens,
      knowsFramework: () => false,
      find: () => undefined,
      sendMessage: () => {},
    };
    const parts = { metrics: new Metrics(), health: new Health(), tls };
    const api = createAgentApi({} as AgentView, parts, systemSockets, door);
    url = `https://127.0.0.1:${await listen(api, '127.0.0.1', 0, undefined, { tls, anonymous: true })}`;
    endings.push(
      () => api.close(),
      () => trust.stop(),
    );
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    for (const end of endings.splice(0)) await end();
    await site.close();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** As a program does that goes by the variables of libprocess, names included. */
  async function ask(path: string, token?: string, ca?: string): Promise<number> {
    const file = trust.environment['LIBPROCESS_SSL_CA_FILE'] ?? '';
    const client = createHttpClient({ tls: { ca: ca ?? (await readFile(file, 'utf8')) } });
    clients.push(client);
    const response = await client.request({
      method: 'POST',
      url: `${url}${path}`,
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(HEARTBEAT),
    });
    await response.text();
    return response.status;
  }

  it('speak without a certificate of the executor: the token says who it is, the roots who the agent is', async () => {
    const token = await tokens.issue(PLACE);
    expect(await ask('/api/v1/executor', token)).toBe(202);
    expect(await ask('/slave(1)/api/v1/executor', token)).toBe(202);
    expect(await ask('/api/v1/executor')).toBe(401);
    const forged = await createExecutorTokens('another secret of another one').issue(PLACE);
    expect(await ask('/api/v1/executor', forged)).toBe(401);
  });

  it('speak of nothing else: whoever has no certificate gets no other route', async () => {
    const token = await tokens.issue(PLACE);
    for (const path of [
      '/api/v1',
      '/state',
      '/metrics',
      '/health',
      '/files/read',
      '/nothing',
      '/api/v1/executor/x',
    ])
      expect(await ask(path, token), path).toBe(403);
  });

  it('hear of a new root in the same file', async () => {
    const file = trust.environment['LIBPROCESS_SSL_CA_FILE'] ?? '';
    const before = await readFile(file, 'utf8');
    await site.auth.authority.prepare('test');
    await expect
      .poll(async () => (await readFile(file, 'utf8')).length, { timeout: 30_000 })
      .toBeGreaterThan(before.length);
    expect(await ask('/api/v1/executor', await tokens.issue(PLACE), await readFile(file, 'utf8'))).toBe(202);
  });
});
