import { appendFileSync } from 'node:fs';
import { dockerConfigSchema } from '../../src/agent/launcher/docker/config.ts';
import { createDockerLauncher } from '../../src/agent/launcher/docker/index.ts';
import type { LaunchCheckpoint, LaunchSpec } from '../../src/agent/launcher/launcher.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';

// An agent that is nothing but its launcher, for tests that kill it: `docker-agent.ts '{"socket": …, "spec" or "checkpoint": …, "file": …}'`.
// Its checkpoint goes into the file; a word on stdout says that the container is watched.

interface Order {
  readonly socket: string;
  readonly file: string;
  readonly root: string;
  readonly spec?: LaunchSpec;
  readonly checkpoint?: LaunchCheckpoint;
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
const launcher = createDockerLauncher({
  clock: systemClock,
  log: silentLogger,
  root: order.root,
  config: dockerConfigSchema.parse({ socket: order.socket }),
});
if (order.spec) await launcher.launch(order.spec, async (c) => appendFileSync(order.file, JSON.stringify(c)));
const found = order.checkpoint && (await launcher.reattach(order.checkpoint));
process.stdout.write(typeof found === 'string' ? found : 'watching');
