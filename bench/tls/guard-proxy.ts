import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/core/clock.ts';
import { createLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { systemRandom } from '../../src/core/random.ts';
import { createMesh } from '../../src/mesh/index.ts';
import { meshConfigSchema } from '../../src/mesh/config.ts';

/**
 * A guard before the task at 127.0.0.1, as an agent has it: `guard-proxy.ts <published port> <own port> <certificate and key> <root>`.
 * Until it is ended.
 */
const [published = '', own = '', identity = '', root = ''] = process.argv.slice(2);
const pem = readFileSync(identity, 'utf8');
const id = 'spiffe://bench.test/server';
const current = {
  svid: { id, certificateChain: pem, privateKey: pem, notBeforeMs: 0, notAfterMs: Number.MAX_SAFE_INTEGER },
  bundle: { trustDomain: 'bench.test', roots: [readFileSync(root, 'utf8')], sequence: 1 },
};
const mesh = createMesh({
  config: meshConfigSchema.parse({}),
  clock: systemClock,
  random: systemRandom,
  log: createLogger({ level: 'warn' }),
  metrics: new Metrics(),
  sourceOf: () => ({ current, onChange: () => () => {} }),
  table: 'rimrock_mesh_bench',
});
await mesh.start();
const task = {
  taskId: 'server',
  taskName: 'server',
  frameworkId: 'bench',
  frameworkName: 'bench',
  agentId: 'bench',
  labels: new Map([['rimrock.mtls', 'strict']]),
  service: 'bench/server',
  ip: '127.0.0.1',
  ports: [{ number: Number(published), protocol: 'tcp' }],
};
const guarded = [{ published: Number(published), own: Number(own) }];
await mesh.open(task, { mode: 'strict', guarded, upstreams: [] });
process.once('SIGTERM', () => void mesh.stop().then(() => process.exit(0)));
