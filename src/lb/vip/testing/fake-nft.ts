import type { CommandResult } from '../../../net/index.ts';

interface Table {
  /** Elements of sets and maps by place; the chain that one leads to, or nothing. */
  readonly containers: Map<string, Map<string, string>>;
  readonly chains: Map<string, { readonly hook: string; rules: string[] }>;
}

/**
 * nft with its tables, and ip with its routes, as far as scripts of ours go: a script is all or nothing, and what cannot be in the
 * kernel is refused as there: a chain that something leads to cannot go, nor an element that is not there.
 */
export class FakeNft {
  tables = new Map<string, Table>();
  readonly routes = new Map<string, string>();
  readonly commands: string[] = [];
  /** Told instead of doing anything, once each. */
  readonly failures: string[] = [];

  readonly run = async (command: readonly string[], input = ''): Promise<CommandResult> => {
    this.commands.push([...command, ...(input === '' ? [] : ['<<', input])].join(' '));
    // As a program does, it ends some time later.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (command[0] === 'ip') return this.#ip(command.slice(1));
    if (command.join(' ') === 'nft -j list tables') return done(this.#list([]));
    if (command.join(' ').startsWith('nft -j list table inet ')) {
      const name = command.at(-1) as string;
      if (!this.tables.has(name)) return refused(`No such file or directory: ${name}`);
      return done(this.#list([name]));
    }
    const failure = this.failures.shift();
    if (failure !== undefined) return refused(failure);
    const before = structuredClone(this.tables);
    try {
      for (const statement of statementsOf(input)) this.#execute(statement);
      this.#verify();
      return done('');
    } catch (error) {
      this.tables = before;
      return refused((error as Error).message);
    }
  };

  /** All of a table, for comparing. */
  dump(name: string): unknown {
    const table = this.tables.get(name);
    if (!table) return undefined;
    const sorted = <V>(map: Map<string, V>): [string, V][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      containers: sorted(table.containers).map(([key, elements]) => [key, sorted(elements)]),
      chains: sorted(table.chains),
    };
  }

  #execute(statement: string): void {
    const declared = /^table inet (\w+) \{(.*)\}$/s.exec(statement);
    if (declared) return this.#declare(declared[1] as string, declared[2] as string);
    const [verb, kind, , name = '', ...rest] = statement.split(' ');
    const table = this.tables.get(name);
    if (!table) throw new Error(`no table ${name}: ${statement}`);
    if (kind === 'table' && verb === 'delete') return void this.tables.delete(name);
    const target = rest[0] as string;
    const tail = rest.slice(1).join(' ');
    if (kind === 'chain') this.#chain(table, verb as string, target);
    else if (kind === 'rule' && verb === 'add') chainOf(table, target).rules.push(tail);
    else if (kind === 'element') this.#element(table, verb as string, target, tail);
    else throw new Error(`not known: ${statement}`);
  }

  #declare(name: string, body: string): void {
    const table: Table = this.tables.get(name) ?? { containers: new Map(), chains: new Map() };
    this.tables.set(name, table);
    for (const [, container] of body.matchAll(/(?:set|map) (\w+) \{[^}]*\}/g))
      table.containers.set(container as string, new Map());
    for (const [, chain, inside = ''] of body.matchAll(/chain ([\w-]+) \{\n(.*?)\n {2}\}/gs)) {
      const lines = inside.split('\n').map((line) => line.trim());
      const [, type, at, priority] = /^type (\w+) hook (\w+) priority (-?\d+);/.exec(lines[0] ?? '') ?? [];
      const hook = type === undefined ? '' : `${type} ${at} ${priority}`;
      const rules = lines.filter((line) => line !== '' && !line.startsWith('type '));
      table.chains.set(chain as string, { hook, rules });
    }
  }

  #chain(table: Table, verb: string, name: string): void {
    if (verb === 'add') {
      if (!table.chains.has(name)) table.chains.set(name, { hook: '', rules: [] });
    } else if (verb === 'flush') chainOf(table, name).rules = [];
    else {
      if (chainOf(table, name).rules.length > 0) throw new Error(`busy: ${name} has rules`);
      for (const elements of table.containers.values())
        if ([...elements.values()].includes(name)) throw new Error(`busy: an element leads to ${name}`);
      table.chains.delete(name);
    }
  }

  #element(table: Table, verb: string, container: string, text: string): void {
    const elements = table.containers.get(container);
    const [, place = '', target = ''] = /^\{ (.*?)(?: : goto (\S+))? \}$/.exec(text) ?? [];
    if (!elements || place === '') throw new Error(`no container ${container}, or no element: ${text}`);
    if (verb === 'delete') {
      if (!elements.delete(place)) throw new Error(`no element ${place} in ${container}`);
      return;
    }
    if (target !== '') chainOf(table, target);
    const before = elements.get(place);
    if (before !== undefined && before !== target) throw new Error(`${place} exists in ${container}`);
    elements.set(place, target);
  }

  /** Every rule of a VIP can be understood. */
  #verify(): void {
    const rule =
      /^meta l4proto (tcp|udp) dnat (ip6?) to (\S+:\d+|numgen random mod (\d+) map \{ (.*) \}) comment "[0-9a-f]{16}[ a-z0-9.-]*"$/;
    for (const table of this.tables.values())
      for (const [name, { rules }] of table.chains) {
        if (!name.startsWith('vip')) continue;
        const [, , , , mod, choices] = (rules.length === 1 && rule.exec(rules[0] as string)) || [];
        if (rules.length !== 1 || !rule.test(rules[0] as string))
          throw new Error(`syntax error in ${name}: ${rules.join()}`);
        let next = 0;
        for (const choice of choices?.split(', ') ?? []) {
          const [, from, to = from] = /^(\d+)(?:-(\d+))? : [0-9a-f.:]+ \. \d+$/.exec(choice) ?? [];
          if (Number(from) !== next) throw new Error(`choices overlap, or are not all: ${choice}`);
          next = Number(to) + 1;
        }
        if (mod !== undefined && next !== Number(mod)) throw new Error(`${next} choices of ${mod}`);
      }
  }

  #list(names: readonly string[]): string {
    const entries: object[] = [{ metainfo: { json_schema_version: 1 } }];
    for (const name of names) {
      const { containers, chains } = this.tables.get(name) as Table;
      entries.push({ table: { family: 'inet', name } });
      for (const [container, elements] of containers) {
        const elem = [...elements].map(([place, target]) =>
          target === '' ? value(place) : [value(place), { goto: { target } }],
        );
        entries.push({
          [container.startsWith('vips') ? 'map' : 'set']: {
            name: container,
            ...(elem.length > 0 && { elem }),
          },
        });
      }
      for (const [chain, { hook }] of chains) {
        const [type, at, priority] = hook.split(' ');
        entries.push({
          chain: { name: chain, ...(hook !== '' && { type, hook: at, prio: Number(priority) }) },
        });
      }
      for (const [chain, { rules }] of chains)
        for (const rule of rules) {
          const comment = / comment "(.*)"$/.exec(rule)?.[1];
          entries.push({ rule: { chain, ...(comment !== undefined && { comment }), expr: [] } });
        }
    }
    return JSON.stringify({ nftables: entries });
  }

  #ip(words: readonly string[]): CommandResult {
    const family = words.includes('-6') ? '-6' : '-4';
    if (words.includes('show')) {
      const found = [...this.routes].filter(([, of]) => of === family).map(([dst]) => ({ dst }));
      return done(JSON.stringify(found));
    }
    const cidr = words.find((word) => word.includes('/')) as string;
    if (words.includes('add')) this.routes.set(cidr, family);
    else this.routes.delete(cidr);
    return done('');
  }
}

function statementsOf(script: string): string[] {
  const statements: string[] = [];
  let open: string[] | undefined;
  for (const line of script.split('\n')) {
    if (open) {
      open.push(line);
      if (line === '}') {
        statements.push(open.join('\n'));
        open = undefined;
      }
    } else if (line.startsWith('table ') && !line.endsWith('}')) open = [line];
    else if (line !== '') statements.push(line);
  }
  return statements;
}

function chainOf(table: Table, name: string): { rules: string[] } {
  const chain = table.chains.get(name);
  if (!chain) throw new Error(`no chain ${name}`);
  return chain;
}

function value(place: string): unknown {
  const parts = place.split(' . ').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  return parts.length === 1 ? parts[0] : { concat: parts };
}

function done(stdout: string): CommandResult {
  return { ok: true, stdout, problem: '' };
}

function refused(problem: string): CommandResult {
  return { ok: false, stdout: '', problem };
}
