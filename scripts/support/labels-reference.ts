import { z } from 'zod';
import { unwrap } from '../../src/core/config/unwrap.ts';
import { rulesConfigShape } from '../../src/lb/rules/index.ts';
import { labelsSchema } from '../../src/lb/rules/schema.ts';

const HEAD = `# Labels of the load balancer

The load balancer reads two sets of labels, on the same service if need be: those of marathon-lb, \`HAPROXY_…\`
([what each does here](../operations/edge.md)), and these of our own. A service says with them which requests it wants, what is
done to them on the way and how they are spread over its instances. Why they look like this:
[decision 14](../decisions/0014-route-labels.md).

\`\`\`json
"labels": {
  "rimrock.http.web.host": "www.example.test, *.shop.example.test",
  "rimrock.http.web.pathPrefix": "/api",
  "rimrock.http.web.middlewares": "calm, to-tls",
  "rimrock.middleware.calm.rateLimit.perSecond": "20",
  "rimrock.middleware.to-tls.redirect.scheme": "https"
}
\`\`\`

- \`web\`, \`calm\` and \`to-tls\` are names of your choice: letters, digits, \`-\` and \`_\`. A service can have any number of rules.
- All conditions of a rule must hold; of several values of one condition, and of \`path\`, \`pathPrefix\` and \`pathRegex\` together,
  one must. For anything else write a second rule.
- Lists have commas between their items; \`users\` have blanks instead, for a hash may have commas in it. Networks take both.
- Which rule gets a request: the higher \`priority\`; then the closer host (the name itself, the longer wildcard, every host);
  then the closer path (exact, longer prefix, regular expression, every path); then more conditions. Where two services are
  still equal, the first in alphabetical order gets it and both are told.
- A rule or middleware with a mistake in it is left out as a whole, and \`GET /rejected\` on the admin port tells the label and
  what to write. Other rules, other services and marathon-lb's labels stay as they are.
- Regular expressions are of RE2 syntax: their time grows with the length of the text alone; there are no backreferences.
- The configuration has the same names: \`rimrock.http.web.host\` is \`lb.routes.http.web.host\`, \`rimrock.middleware.calm\` is
  \`lb.middlewares.calm\`, and a rule there says with \`service\` or \`targets\` where it leads
  ([a sample](../../config/edge-routes.yaml)). Labels may name the middlewares of the configuration; their own go first.
  Values may be numbers, booleans and lists there.

[labels.schema.json](labels.schema.json) has all of this as a JSON Schema: \`labels\` as a tree, a level for each dot, and \`lb\` for
the configuration.

This file is written by \`node scripts/docs.ts\` from the schemas; a test compares.
`;

const configuration = z.strictObject(rulesConfigShape);

/** The whole of docs/reference/labels.md. */
export function labelsReference(): string {
  const { group, http, tcp, middleware } = labelsSchema.shape;
  const sections: readonly (readonly [string, string, readonly string[]])[] = [
    ['Groups', 'Which load balancers serve the service.', [row('rimrock.group', group)]],
    ['HTTP rules', 'All options of `rimrock.http.<name>`.', valueRows(http, 'rimrock.http.<name>')],
    ['TCP rules', 'All options of `rimrock.tcp.<name>`.', valueRows(tcp, 'rimrock.tcp.<name>')],
    [
      'Middlewares',
      'A middleware has exactly one kind: what comes after its name.',
      valueRows(middleware, 'rimrock.middleware.<name>'),
    ],
    [
      'Targets of rules in the configuration',
      'Besides the options above, except `port`, `group`, `weight` and `canary`, and those that are of the service.',
      targetRows(),
    ],
    [
      'Services of the configuration',
      'What does not run in the cluster. A route names it with `service`.',
      valueRows(configuration.shape.services, 'lb.services.<name>'),
    ],
  ];
  return [HEAD, ...sections.map(([title, text, rows]) => `## ${title}\n\n${text}\n\n${table(rows)}`)].join(
    '\n',
  );
}

/** The whole of docs/reference/labels.schema.json. */
export function labelsJsonSchema(): string {
  const both = z.strictObject({
    labels: labelsSchema
      .optional()
      .describe('All labels of a service after `rimrock.`, a level for each dot'),
    lb: configuration
      .optional()
      .describe('The part of `lb` in the configuration that says what is routed where'),
  });
  const schema = z.toJSONSchema(both, { io: 'input', reused: 'ref' });
  return `${JSON.stringify({ title: 'Routes of the load balancer', ...schema }, undefined, 2)}\n`;
}

function table(rows: readonly string[]): string {
  return `| label | value | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function valueRows(record: unknown, prefix: string): string[] {
  const shape = unwrap(record);
  return shape instanceof z.ZodRecord ? rowsOf(shape.valueType, prefix) : [];
}

function targetRows(): string[] {
  const routes = unwrap(configuration.shape.routes);
  const http =
    routes instanceof z.ZodObject ? unwrap((routes.shape as Record<string, unknown>)['http']) : undefined;
  const rule = http instanceof z.ZodRecord ? unwrap(http.valueType) : undefined;
  if (!(rule instanceof z.ZodObject))
    throw new Error('the schema of routes has changed: change this as well');
  return ['service', 'port', 'targets'].flatMap((key) =>
    rowsOf((rule.shape as Record<string, unknown>)[key], `lb.routes.http.<name>.${key}`),
  );
}

function rowsOf(schema: unknown, label: string): string[] {
  const shape = unwrap(schema);
  if (shape instanceof z.ZodObject)
    return Object.entries(shape.shape).flatMap(([name, field]) => rowsOf(field, `${label}.${name}`));
  if (shape instanceof z.ZodArray && unwrap(shape.element) instanceof z.ZodObject)
    return rowsOf(shape.element, `${label}[n]`);
  if (shape instanceof z.ZodRecord)
    return [row(`${label}.<name>`, schema, typeText(unwrap(shape.valueType)))];
  return [row(label, schema)];
}

function row(label: string, schema: unknown, type = typeText(unwrap(schema))): string {
  const value = defaultOf(schema);
  const absent =
    value === undefined ? '' : `; absent: ${typeof value === 'string' ? value : JSON.stringify(value)}`;
  return `| \`${label}\` | ${type} | ${cell(meaning(schema))}${absent} |`;
}

/** What the forms that a value may have come to in a label. */
function typeText(schema: unknown): string {
  if (!(schema instanceof z.ZodUnion)) return schema instanceof z.ZodNumber ? 'number' : 'text';
  const options = schema.options.map((option) => unwrap(option));
  const words = options.find((option) => option instanceof z.ZodEnum);
  if (words !== undefined) return words.options.map((word) => `\`${String(word)}\``).join(', ');
  const has = (kind: typeof z.ZodArray | typeof z.ZodBoolean | typeof z.ZodNumber): boolean =>
    options.some((option) => option instanceof kind);
  if (has(z.ZodArray)) return 'list';
  if (has(z.ZodBoolean)) return has(z.ZodNumber) ? 'text' : '`true` or `false`';
  return has(z.ZodNumber) ? 'number' : 'text';
}

function meaning(schema: unknown): string {
  let at = schema;
  while (at instanceof z.ZodType) {
    if (at.description !== undefined) return at.description;
    const next: unknown =
      at instanceof z.ZodPipe ? at.in : 'unwrap' in at ? (at.unwrap as () => unknown).call(at) : undefined;
    if (next === at) break;
    at = next;
  }
  return '';
}

function defaultOf(schema: unknown): unknown {
  return schema instanceof z.ZodDefault ? (schema.def as { defaultValue: unknown }).defaultValue : undefined;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}
