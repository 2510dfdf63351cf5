import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAgentApi } from '../../src/agent/api/routes.ts';
import type { AgentView } from '../../src/agent/api/view.ts';
import { agentConfigSchema } from '../../src/agent/config.ts';
import { Health } from '../../src/core/health.ts';
import { listen } from '../../src/core/http/server.ts';
import type { Api } from '../../src/core/http/server.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { replay } from '../../src/master/testing/raw-exchange.ts';
import type { Exchange } from '../../src/master/testing/raw-exchange.ts';
import { decodeProtobuf } from '../../src/mesos/proto/index.ts';

// Calls of the agent's operator API, good and bad, beside what an agent of Apache Mesos answered: the same status, the
// same text of a refusal, the same media type.
const EXCHANGES = readFileSync(new URL('../fixtures/golden-agent/exchanges.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Exchange);

describe('exchanges recorded from an agent of Apache Mesos', () => {
  let api: Api;
  let port = 0;
  beforeAll(async () => {
    const view: Partial<AgentView> = {
      recovered: true,
      info: { hostname: 'h', port: 5051, resources: [] },
      config: agentConfigSchema.parse({}),
      address: { host: '127.0.0.1', port: 5051 },
      live: [],
      completed: [],
    };
    api = createAgentApi(view as AgentView, { metrics: new Metrics(), health: new Health() });
    port = await listen(api, '127.0.0.1', 0);
  });
  afterAll(() => api.close());

  it.each(EXCHANGES)('$name', async (exchange) => {
    const ours = await replay(port, exchange, (text) => text);
    expect(ours.status).toBe(Number(exchange.response.status.split(' ')[1]));
    for (const header of exchange.response.headers.filter((h) => /^(Content-Type|Allow):/.test(h)))
      expect(ours.headers.toLowerCase()).toContain(header.toLowerCase());
    const theirs = exchange.response.body;
    if (typeof theirs === 'string') return expect(ours.body).toBe(theirs);
    const binary = Object.hasOwn(theirs as object, 'base64');
    const answer: unknown = binary
      ? decodeProtobuf('agent.Response', Buffer.from(ours.body, 'latin1'))
      : JSON.parse(ours.body);
    expect(answer).toMatchObject({
      type: 'GET_VERSION',
      get_version: { version_info: { version: '1.11.0' } },
    });
  });
});
