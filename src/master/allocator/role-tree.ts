import { addAmounts, NOTHING } from './amounts.ts';
import type { Amounts } from './amounts.ts';
import { compareRivals, moveBack, Rival } from './rivals.ts';
import type { ClusterTotal } from './rivals.ts';
import type { Turns } from './turns.ts';

/** `a/b/c` lies below `a/b` and `a`. */
export function ancestorsOf(role: string): string[] {
  const out: string[] = [];
  for (let at = role.indexOf('/'); at >= 0; at = role.indexOf('/', at + 1)) out.push(role.slice(0, at));
  return out;
}

/** The top of the branch a role is in: what quota is for. */
export function topOf(role: string): string {
  const at = role.indexOf('/');
  return at < 0 ? role : role.slice(0, at);
}

export function isBelow(role: string, ancestor: string): boolean {
  return role.length > ancestor.length && role.startsWith(ancestor) && role[ancestor.length] === '/';
}

/** What stands for the frameworks of `role` itself beside the roles below it. */
const leafOf = (role: string): string => `${role}/.`;

/** What the tree is made of. */
export interface RoleStandings {
  /** What the frameworks of each role hold, used or offered; also of those that want nothing now. */
  readonly held: ReadonlyMap<string, Amounts>;
  /** 1 where nothing is said. */
  readonly weights: ReadonlyMap<string, number>;
  /** The memory of the allocator: in the group of each node, its children or its frameworks. */
  readonly turns: Turns;
  readonly total: ClusterTotal;
}

/** A framework in one role, as its rivals in that role see it. */
export class Contender<C> extends Rival {
  readonly client: C;

  constructor(name: string, held: Amounts, total: ClusterTotal, client: C) {
    super(name, 1, held, total);
    this.client = client;
  }
}

export class RoleNode<C> extends Rival {
  readonly parent: RoleNode<C> | undefined;
  /** The role of the frameworks here; nodes that have children have none of their own. */
  readonly role: string;
  readonly children: RoleNode<C>[] = [];
  readonly contenders: Contender<C>[] = [];

  constructor(name: string, role: string, parent: RoleNode<C> | undefined, s: RoleStandings, held: Amounts) {
    super(name, s.weights.get(name) ?? 1, held, s.total);
    this.role = role;
    this.parent = parent;
  }
}

/**
 * The tree of roles, sorted level by level. Frameworks of a role that has roles below it compete in a leaf of their own
 * beside those (mesos-api.md §1.7).
 */
export class RoleTree<C> {
  readonly root: RoleNode<C>;
  readonly #total: ClusterTotal;
  readonly #turns: Turns;

  constructor(contenders: ReadonlyMap<string, readonly Contender<C>[]>, standings: RoleStandings) {
    this.#total = standings.total;
    this.#turns = standings.turns;
    this.root = new RoleNode<C>('', '', undefined, standings, NOTHING);
    const inner = new Set([...contenders.keys()].flatMap(ancestorsOf));
    const whole = wholes(standings.held);
    const nodes = new Map<string, RoleNode<C>>();
    const nodeAt = (path: string): RoleNode<C> => {
      const known = nodes.get(path);
      if (known) return known;
      const above = ancestorsOf(path).at(-1);
      const parent = above === undefined ? this.root : nodeAt(above);
      const node = new RoleNode(path, path, parent, standings, whole.get(path) ?? NOTHING);
      nodes.set(path, node);
      parent.children.push(node);
      return node;
    };
    for (const [role, rivals] of contenders) {
      let leaf = nodeAt(role);
      if (inner.has(role)) {
        const parent = leaf;
        leaf = new RoleNode(leafOf(role), role, parent, standings, standings.held.get(role) ?? NOTHING);
        parent.children.push(leaf);
      }
      leaf.contenders.push(...rivals);
    }
    const groups = new Set<string>();
    this.#sort(this.root, groups);
    this.#turns.keep(groups);
  }

  #sort(node: RoleNode<C>, groups: Set<string>): void {
    groups.add(node.name);
    const siblings: readonly Rival[] = node.children.length > 0 ? node.children : node.contenders;
    this.#turns.settle(
      node.name,
      siblings.map((s) => s.name),
    );
    for (const sibling of siblings) sibling.since = this.#turns.of(node.name, sibling.name);
    node.contenders.sort(compareRivals);
    node.children.sort(compareRivals);
    for (const child of node.children) this.#sort(child, groups);
  }

  /** A framework was given this: it and all it lies in take their new places among their siblings. */
  give(leaf: RoleNode<C>, contender: Contender<C>, amounts: Amounts): void {
    contender.give(amounts, this.#total, this.#turns.served(leaf.name, contender.name));
    moveBack(leaf.contenders, contender);
    for (let node = leaf; node.parent !== undefined; node = node.parent) {
      node.give(amounts, this.#total, this.#turns.served(node.parent.name, node.name));
      moveBack(node.parent.children, node);
    }
  }
}

/** What is held in each role and all roles below it. */
export function wholes(held: ReadonlyMap<string, Amounts>): Map<string, Map<string, number>> {
  const out = new Map<string, Map<string, number>>();
  for (const [role, amounts] of held) {
    for (const name of [...ancestorsOf(role), role]) {
      const sum = out.get(name) ?? new Map<string, number>();
      out.set(name, sum);
      addAmounts(sum, amounts);
    }
  }
  return out;
}
