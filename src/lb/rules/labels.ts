import type { z } from 'zod';
import type { Service } from '../../cluster/index.ts';
import { decode } from '../../core/config/decode.ts';
import { nearest } from '../../core/config/nearest.ts';
import { isMeshLabel, meshLabelProblem } from '../../core/mesh-labels.ts';
import type { BackendPolicy } from '../balancer/policy.ts';
import { inGroup } from '../router/labels.ts';
import type { Middleware } from '../router/middleware.ts';
import { hasPort, portCount } from '../router/ports.ts';
import type { Problem, Route, ServiceRouting, Target } from '../router/types.ts';
import { given } from './given.ts';
import { middlewareSchema, toMiddleware } from './middlewares.ts';
import { canaryOf, policyOf } from './policy.ts';
import { httpRoutes, tcpRoutes } from './routes.ts';
import type { RuleFrame } from './routes.ts';
import { isName, NAME_FORM } from './scalars.ts';
import { backendShape, httpLabelSchema, labelsSchema, tcpLabelSchema } from './schema.ts';
import type { HttpLabels, TcpLabels } from './schema.ts';
import { emptyTree, place } from './tree.ts';

const PREFIX = 'rimrock.';
const SECTIONS = Object.keys(labelsSchema.shape);

/**
 * Read the labels of our own (`rimrock.…`) of one service. A rule or a middleware with a mistake in it is set aside as a
 * whole, for with a condition or a protection missing it would do more than its author wants; the other rules and other
 * services stay as they are. `shared` knows the middlewares of the configuration.
 */
export function readRimrockLabels(
  service: Service,
  groups: readonly string[],
  shared: (name: string) => Middleware | undefined,
): ServiceRouting {
  const reader = new LabelReader(service, shared);
  if (!inGroup(reader.groups() ?? service.labels.get('HAPROXY_GROUP'), groups))
    return { routes: [], problems: reader.problems, policies: new Map(), groups: new Map() };
  return reader.read();
}

/** Whether a service has labels of ours at all. */
export function hasRimrockLabels(service: Service): boolean {
  for (const label of service.labels.keys()) if (label.startsWith(PREFIX)) return true;
  return false;
}

class LabelReader {
  readonly problems: Problem[] = [];
  readonly #service: Service;
  readonly #tree = emptyTree();
  /** Rules and middlewares (`http.web`) some label of which has no place. */
  readonly #flawed = new Set<string>();
  readonly #middlewares = new Map<string, Middleware>();
  readonly #shared: (name: string) => Middleware | undefined;
  readonly #routes: Route[] = [];
  readonly #groupOf = new Map<string, string>();
  readonly #policies = new Map<string, BackendPolicy>();

  constructor(service: Service, shared: (name: string) => Middleware | undefined) {
    this.#service = service;
    this.#shared = shared;
    for (const [label, value] of [...service.labels].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (label.startsWith(PREFIX)) this.#place(label, value);
    }
  }

  #complain(label: string, reason: string): void {
    this.problems.push({ serviceKey: this.#service.key, label, reason });
  }

  #place(label: string, value: string): void {
    if (isMeshLabel(label)) {
      // For agents, who refuse such a task; whoever looks for the reason may look here.
      const problem = meshLabelProblem(label, value);
      return problem === undefined ? undefined : this.#complain(label, problem);
    }
    const parts = label.slice(PREFIX.length).split('.');
    const [section = '', name] = parts;
    if (!SECTIONS.includes(section)) {
      const near = nearest(section, SECTIONS);
      const help =
        near === undefined
          ? `known are ${PREFIX}${SECTIONS.join(`, ${PREFIX}`)}`
          : `did you mean ${PREFIX}${near}?`;
      return this.#complain(label, `unknown label; ${help}`);
    }
    if (section === 'group' && name !== undefined)
      return this.#complain(label, `has a part too many: write ${PREFIX}group`);
    if (section !== 'group' && (name === undefined || parts.length < 3))
      return this.#complain(label, `is incomplete: write ${PREFIX}${section}.<name>.<option>`);
    if (section !== 'group' && !isName(name ?? ''))
      return this.#complain(label, `'${name}' is not a name: write ${NAME_FORM}`);
    const problem = place(this.#tree, parts, value, labelsSchema);
    if (problem === undefined) return;
    this.#flawed.add(`${section}.${name}`);
    this.#complain(label, problem);
  }

  /** The value of `rimrock.group`. */
  groups(): string | undefined {
    const value = this.#tree['group'];
    return typeof value === 'string' ? value : undefined;
  }

  read(): ServiceRouting {
    for (const [name, options] of this.#sound('middleware', middlewareSchema))
      this.#middlewares.set(name, toMiddleware(options));
    for (const [name, labels] of this.#sound('http', httpLabelSchema))
      this.#rule('http', name, labels, (frame) => httpRoutes(labels, frame));
    for (const [name, labels] of this.#sound('tcp', tcpLabelSchema))
      this.#rule('tcp', name, labels, (frame) => tcpRoutes(labels, frame));
    return {
      routes: this.#routes,
      problems: this.problems,
      policies: this.#policies,
      groups: this.#groupOf,
    };
  }

  /** What is written under the names of a section, as far as it holds. */
  *#sound<S extends z.ZodType>(section: string, schema: S): Generator<readonly [string, z.output<S>]> {
    const all = this.#tree[section];
    if (typeof all !== 'object') return;
    for (const [name, written] of Object.entries(all)) {
      const decoded = decode(schema, written);
      if (decoded.ok) {
        if (!this.#flawed.has(`${section}.${name}`)) yield [name, decoded.value];
        continue;
      }
      for (const { path, message } of decoded.issues)
        this.#complain(labelOf(`${PREFIX}${section}.${name}`, path), plainWords(message, written, path));
    }
  }

  #rule(
    kind: 'http' | 'tcp',
    name: string,
    labels: HttpLabels | TcpLabels,
    routesOf: (frame: RuleFrame) => Route[],
  ): void {
    const prefix = `${PREFIX}${kind}.${name}`;
    const portIndex = this.#port(labels.port, `${prefix}.port`);
    if (portIndex === undefined) return;
    const { key } = this.#service;
    const backendKey = `${key}#${portIndex}`;
    const canary = 'canary' in labels ? canaryOf(labels.canary) : undefined;
    const target: Target = {
      backendKey,
      serviceKey: key,
      portIndex,
      weight: labels.weight ?? 1,
      ...given({ canary }),
    };
    const policy = policyOf(labels);
    const routes = routesOf({
      owner: key,
      name,
      targets: [target],
      balance: policy.balance,
      source: [...this.#service.labels.keys()].filter((label) => label.startsWith(`${prefix}.`)).sort(),
      middleware: (wanted) => this.#middlewares.get(wanted) ?? this.#shared(wanted),
      complain: (option, reason) => this.#complain(`${prefix}.${option}`, reason),
    });
    if (routes.length === 0) return;
    this.#policy(prefix, backendKey, labels, policy);
    this.#routes.push(...routes);
    if (labels.group !== undefined) for (const { id } of routes) this.#groupOf.set(id, labels.group);
  }

  /** A port has one policy: of the first rule, by name, that says something about it. */
  #policy(prefix: string, backendKey: string, labels: HttpLabels | TcpLabels, policy: BackendPolicy): void {
    const said = Object.keys(backendShape).filter((option) => Object.hasOwn(labels, option));
    const before = this.#policies.get(backendKey);
    if (said.length === 0) return;
    if (before === undefined) this.#policies.set(backendKey, policy);
    else if (JSON.stringify(before) !== JSON.stringify(policy))
      this.#complain(
        `${prefix}.${said[0]}`,
        'another rule leads to the same port with other settings, and those are used: write the same in both, or in one',
      );
  }

  #port(text: string | undefined, label: string): number | undefined {
    const service = this.#service;
    const named = service.ports.findIndex((port) => port.name === text);
    const index = text === undefined ? 0 : named >= 0 ? named : /^\d{1,4}$/.test(text) ? Number(text) : -1;
    if (index >= 0 && hasPort(service, index)) return index;
    const names = service.ports.flatMap((port) => (port.name === '' ? [] : [`'${port.name}'`])).join(', ');
    this.#complain(
      label,
      `the rule is not published: the service has no port '${text ?? 0}'; it has ${portCount(service)}, counted from 0${names === '' ? '' : `, with the names ${names}`}`,
    );
    return undefined;
  }
}

/** `host[0]` of a rule as the label that says it. */
function labelOf(prefix: string, path: string): string {
  return path === '(root)' ? prefix : `${prefix}.${path.replace(/\[\d+\]/g, '')}`;
}

/** What the schema says of a value that is no text at all is about its types, of which labels have only one. */
function plainWords(message: string, written: unknown, path: string): string {
  if (!message.startsWith('Invalid input')) return message;
  const [first = ''] = path.split(/[.[]/, 1);
  const missing = typeof written !== 'object' || written === null || !Object.hasOwn(written, first);
  return missing ? 'is missing: write it' : 'is no single value, or has no names below it where it should';
}
