import { hostname } from 'node:os';
import { z } from 'zod';
import { unwrap } from '../../src/core/config/unwrap.ts';
import { rimrockConfigSchema } from '../../src/platform/config/schema.ts';

/** One key of the configuration, as the reference shows it. */
interface Row {
  readonly key: string;
  readonly type: string;
  readonly default: string;
  readonly meaning: string;
}

const HEAD = `# Configuration

One YAML file serves every role; each role reads its own sections (\`rimrock ROLE --help\` names them). Every key has a default, so
a file holds only what differs. \`--set key=value\` changes one key for one run and wins over the file. An unknown key is an error
that names the nearest known one. \`--check-config\` tells every mistake at once, \`--print-config\` what is in effect.

Under \`rimrock up\` some defaults follow from other keys: \`agent.master\`, \`marathon.master\` and \`cluster.masters\` are the
master of the same process, \`agent.hostname\` is the address the agent listens on, \`agent.onStop\` is \`kill\`,
\`agent.registrationBackoffMs\` is 50. In every role \`agent.workDir\` is the folder \`agent\` in \`data\`.

\`rimrock edge --config\` also takes a Mesos-DNS \`config.json\`, unchanged. Logs go to stderr: on a terminal warnings and errors, a
line each for people; otherwise everything from \`info\`, a JSON object a line.

This file is written by \`node scripts/docs.ts\` from the schemas; a test compares.
`;

/** The whole of docs/reference/config.md. */
export function configReference(): string {
  const sections: string[] = [HEAD];
  const defaults = rimrockConfigSchema.parse({}) as Record<string, unknown>;
  for (const [name, schema] of Object.entries(rimrockConfigSchema.shape)) {
    sections.push(`## ${name}\n\n${meaning(schema)}\n\n${table(rows(schema, name, defaults[name]))}`);
  }
  return sections.join('\n');
}

function table(all: readonly Row[]): string {
  const lines = all.map((r) => `| \`${r.key}\` | ${r.type} | ${r.default} | ${r.meaning} |`);
  return `| key | type | default | meaning |\n|---|---|---|---|\n${lines.join('\n')}\n`;
}

function rows(schema: unknown, key: string, value: unknown): Row[] {
  const object = unwrap(schema);
  if (object instanceof z.ZodObject) {
    return Object.entries(object.shape).flatMap(([name, field]) =>
      rows(field, `${key}.${name}`, (value as Record<string, unknown> | undefined)?.[name]),
    );
  }
  return [{ key, type: typeText(object), default: defaultText(value), meaning: meaning(schema) }];
}

function meaning(schema: unknown): string {
  let at = schema;
  while (at instanceof z.ZodType) {
    if (at.description !== undefined) return cell(at.description);
    const next: unknown =
      at instanceof z.ZodPipe ? at.in : 'unwrap' in at ? (at.unwrap as () => unknown).call(at) : undefined;
    if (next === at) break;
    at = next;
  }
  return '';
}

function typeText(schema: z.ZodType | undefined): string {
  if (schema instanceof z.ZodEnum) return schema.options.map((o) => `\`${String(o)}\``).join(', ');
  if (schema instanceof z.ZodLiteral) return [...schema.values].map((v) => `\`${String(v)}\``).join(', ');
  if (schema instanceof z.ZodArray) return `list of ${typeText(unwrap(schema.element))}`;
  if (schema instanceof z.ZodRecord) return `map of ${typeText(unwrap(schema.valueType))}`;
  if (schema instanceof z.ZodUnion)
    return [...new Set(schema.options.map((o) => typeText(unwrap(o))))].join(' or ');
  if (schema instanceof z.ZodNumber)
    return schema.isInt ? `integer${range(schema)}` : `number${range(schema)}`;
  if (schema instanceof z.ZodBoolean) return 'boolean';
  if (schema instanceof z.ZodUnknown) return 'any value';
  return 'text';
}

/** The bounds that somebody chose. */
function range({ minValue, maxValue }: z.ZodNumber): string {
  const low = minValue !== null && minValue > Number.MIN_SAFE_INTEGER && Number.isFinite(minValue);
  const high = maxValue !== null && maxValue < Number.MAX_SAFE_INTEGER && Number.isFinite(maxValue);
  if (low && high) return ` ${minValue}–${maxValue}`;
  if (low) return ` ≥ ${minValue}`;
  return high ? ` ≤ ${maxValue}` : '';
}

function defaultText(value: unknown): string {
  if (value === undefined) return '–';
  if (value === hostname()) return '(name of the machine)';
  if (typeof value === 'string') return value === '' ? '(empty)' : `\`${cell(value)}\``;
  return `\`${cell(JSON.stringify(value))}\``;
}

/** Text that stays inside its cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
