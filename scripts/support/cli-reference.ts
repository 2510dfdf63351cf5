import type { Command } from 'commander';
import { z } from 'zod';
import { programFor } from '../../src/platform/cli/main.ts';
import { outputs } from '../../src/platform/cli/operate/shapes.ts';
import { FakeWorld } from '../../src/platform/testing/fake-world.ts';

/** Every command with its arguments and options, and what those for operators print for machines. */
export async function cliReference(written: string): Promise<string> {
  const program = await programFor([], new FakeWorld(), () => {});
  const commands = program.commands.flatMap((command) => sectionsOf(command, program.name()));
  return `# Command line

\`rimrock COMMAND --help\` says the same. Which commands an operator needs from day to day, with examples:
[day to day](../operations/day-to-day.md).

${written}
Exit status: 0 done, 1 not found, refused or not to be reached, 2 wrong usage; \`dns explain\` and \`policy explain\` have a third, as their help says. Answers go to stdout, everything else to
stderr. On a terminal tables are cut to its width (\`begin…end\`, which commands take as well), in a pipe they have all.

| variable | meaning |
|---|---|
| \`RIMROCK_MASTER\` | The masters, as with \`--master\`. |
| \`RIMROCK_TOKEN\` | The token of a login. |
| \`RIMROCK_PRINCIPAL\`, \`RIMROCK_SECRET\` | A login by HTTP Basic, where there are no accounts: a principal of \`auth.login.credentials\`, or of an Apache Mesos. |
| \`RIMROCK_IDENTITY\` | File with a certificate, for where \`auth.tls\` is on: all is asked over TLS then. |
| \`RIMROCK_API\` | The identity API. |
| \`RIMROCK_HOME\` | Folder with the login that is kept. |
| \`NODE_EXTRA_CA_CERTS\` | File with authorities of your own for \`https://\` masters. |

## Commands

${commands.join('\n')}
## What \`--json\` prints

Keys are added with time, never changed or removed. Times are ISO 8601 in UTC.

${shapes()}`;
}

function sectionsOf(command: Command, above: string): string[] {
  const path = `${above} ${command.name()}`;
  const words = command.registeredArguments.map((a) => (a.required ? ` <${a.name()}>` : ` [${a.name()}]`));
  const rows = command.options.map((option) => `| \`${option.flags}\` | ${cell(meaning(option))} |`);
  const table = rows.length === 0 ? '' : `\n| option | meaning |\n|---|---|\n${rows.join('\n')}\n`;
  const own = `### \`${path}${words.join('')}\`\n\n${command.description()}\n${table}`;
  const isOnlyFamily = command.commands.length > 0 && command.options.length === 0;
  return [...(isOnlyFamily ? [] : [own]), ...command.commands.flatMap((one) => sectionsOf(one, path))];
}

function meaning(option: Command['options'][number]): string {
  const { description, defaultValue } = option;
  const usual = typeof defaultValue === 'string' && defaultValue !== '' ? ` (default: ${defaultValue})` : '';
  return description + usual;
}

interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
}

function shapes(): string {
  const named = new Map<string, Schema>();
  const rows = Object.entries(outputs).map(([command, shape]) => {
    const schema = z.toJSONSchema(shape, { reused: 'inline' }) as Schema;
    return `| \`rimrock ${command}\` | ${cell(typeText(schema, named))} |`;
  });
  const tables = [...named].map(([title, schema]) => {
    const fields: string[] = [];
    fieldsOf(schema, '', fields, named);
    return `### ${title}\n\n| field | type | meaning |\n|---|---|---|\n${fields.join('\n')}\n`;
  });
  return `| command | prints |\n|---|---|\n${rows.join('\n')}\n\n${tables.join('\n')}`;
}

/** Fields of objects within are named by their path. */
function fieldsOf(schema: Schema, prefix: string, fields: string[], named: Map<string, Schema>): void {
  for (const [name, inside] of Object.entries(schema.properties ?? {})) {
    const isList = inside.type === 'array';
    const item = isList ? inside.items : inside;
    fields.push(
      `| \`${prefix}${name}\` | ${cell(typeText(inside, named))} | ${cell(inside.description ?? '')} |`,
    );
    if (item?.title === undefined && item?.properties !== undefined)
      fieldsOf(item, `${prefix}${name}${isList ? '[]' : ''}.`, fields, named);
  }
}

function typeText(schema: Schema, named: Map<string, Schema>): string {
  if (schema.title !== undefined) {
    named.set(schema.title, schema);
    return schema.title;
  }
  if (schema.enum) return schema.enum.map((word) => `\`${word}\``).join(', ');
  if (schema.anyOf) return schema.anyOf.map((one) => typeText(one, named)).join(' or ');
  if (schema.type === 'array') return `list of ${typeText(schema.items ?? {}, named)}`;
  if (schema.format === 'date-time') return 'time';
  const { properties, additionalProperties: values } = schema;
  if (properties) {
    const listed = Object.entries(properties).filter(([, inside]) => inside.items?.title !== undefined);
    const inside = listed.map(([name, one]) => `"${name}": ${typeText(one, named)}`).join(', ');
    return inside === '' ? 'object' : `{${inside}}`;
  }
  if (typeof values === 'object') return `object of ${typeText(values, named)}`;
  return [schema.type ?? 'anything'].flat().join(' or ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
