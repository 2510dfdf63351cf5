import { expect, it } from 'vitest';
import { dnsConfigSchema } from './config.ts';
import { answerSettings, clusterHead } from './served.ts';

it.each([
  [10_000, 100],
  // Two hours do not fit: to say what is left of them would have clients close at once (RFC 7828 §3.3).
  [6_553_600, 65_535],
])('of an idle timeout of %i ms clients hear %i tenths of a second', (idleTimeoutMs, tenths) => {
  const config = dnsConfigSchema.parse({ tcp: { idleTimeoutMs } });
  expect(answerSettings(config, [clusterHead(config)], undefined).tcpIdleTenths).toBe(tenths);
});
