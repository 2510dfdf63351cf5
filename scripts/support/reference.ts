import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { definedErrors } from '../../src/core/errors.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { rimrockConfigSchema } from '../../src/platform/config/schema.ts';
import { roles } from '../../src/platform/roles.ts';
import { buildParts } from '../../src/platform/run/parts.ts';
import '../../src/platform/errors.ts';
import { cliReference } from './cli-reference.ts';
import { configReference } from './config-table.ts';
import { labelsJsonSchema, labelsReference } from './labels-reference.ts';

const WRITTEN = 'This file is written by `node scripts/docs.ts`; a test compares.\n';

/** The pages of docs/reference that come from the code, by file name. */
export async function referencePages(): Promise<ReadonlyMap<string, string>> {
  const metrics = await metricsReference(); // builds every room, so that all errors are defined
  const cli = await cliReference(WRITTEN); // the same for those of its commands
  return new Map([
    ['cli.md', cli],
    ['config.md', configReference()],
    ['errors.md', errorsReference()],
    ['labels.md', labelsReference()],
    ['labels.schema.json', labelsJsonSchema()],
    ['metrics.md', metrics],
  ]);
}

function errorsReference(): string {
  const rows = [...definedErrors()]
    .filter(([code]) => !code.startsWith('TEST_'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { message, hint }]) => `| \`${code}\` | ${cell(message)} | ${cell(hint)} |`);
  return `# Errors

Each error that is meant for a person has a code, a message and a hint. Codes are never used again for something else. Words in
braces are filled in.

${WRITTEN}
| code | message | what to do |
|---|---|---|
${rows.join('\n')}
`;
}

async function metricsReference(): Promise<string> {
  const rooms = Map.groupBy(await allMetrics(), ([name]) => name.split('_')[1] ?? '');
  const sections = [...rooms].map(([room, metrics]) => {
    const rows = metrics.map(([name, help]) => `| \`${name}\` | ${cell(help)} |`);
    return `## ${room}\n\n| metric | meaning |\n|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Metrics

\`GET /metrics\` on the HTTP port of each part, in the Prometheus text format. The metrics of \`cluster\`, which has no port of its
own, are on the admin port of the load balancer.

${WRITTEN}
${sections.join('\n')}`;
}

/** Every room is built with all that it can have, none is started. */
async function allMetrics(): Promise<(readonly [name: string, help: string])[]> {
  const up = roles.find((role) => role.name === 'up');
  if (!up) throw new Error('there is no role up');
  const data = mkdtempSync(join(tmpdir(), 'rimrock-docs-'));
  try {
    const config = rimrockConfigSchema.parse({ data, dns: { dcos: { enabled: true } } });
    const around = { clock: systemClock, random: systemRandom, log: silentLogger, environment: {} };
    const parts = await buildParts(up, config, around);
    const names = new Map<string, string>();
    for (const { metrics } of parts) for (const [name, help] of await metrics.names()) names.set(name, help);
    await parts.find((part) => part.name === 'store')?.component.stop();
    return [...names];
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
