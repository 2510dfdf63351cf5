import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeMaster } from '../../src/agent/testing/fake-master.ts';
import { realAgent } from '../../src/agent/testing/real-agent.ts';
import type { Agent } from '../../src/agent/testing/real-agent.ts';
import { replay } from '../../src/master/testing/raw-exchange.ts';
import type { Exchange } from '../../src/master/testing/raw-exchange.ts';

// Containers of the agent API, beside what an agent of Apache Mesos answered to the same calls in the same order.
const EXCHANGES = readFileSync(new URL('../fixtures/golden-agent/containers.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Exchange);

describe('containers of an agent of Apache Mesos', () => {
  const master = new FakeMaster();
  let folder: string;
  let agent: Agent;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'agent-containers-'));
    const config = { port: 0, master: await master.listen(), workDir: folder, onStop: 'kill' };
    agent = realAgent({ ...config, isolation: 'process', resources: 'cpus:1;mem:64;disk:64' });
    await agent.start();
  });
  afterAll(async () => {
    await agent.stop();
    await master.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(EXCHANGES)('$name', async (exchange) => {
    const ours = await replay(agent.address.port, exchange, (text) => text);
    const { status, headers, body } = exchange.response;
    expect(ours.status).toBe(Number(status.split(' ')[1]));
    for (const header of headers.filter((h) => h.startsWith('Content-Type:')))
      expect(ours.headers.toLowerCase()).toContain(header.toLowerCase());
    if (body === null) expect(ours.body).toBe('');
    else expect(typeof body === 'string' ? ours.body : JSON.parse(ours.body)).toEqual(body);
  });
});
