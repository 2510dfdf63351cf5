import type { Content } from './contents.ts';
import { digest } from './digest.ts';
import { CONTAINERS, VIP_CHAIN, baseChains } from './layout.ts';
import type { TableSettings } from './layout.ts';

/** A table as it was read back. */
export interface Found {
  /** Its chains, their hooks and rules, its sets and maps are as they have to be. */
  readonly layoutFits: boolean;
  readonly content: Content;
}

/** What is not known of a rule, or is known to be wrong. Differs from every digest. */
const UNKNOWN = '?';

/**
 * What `nft -j list table` has said. Rules are known by their comments: what nft makes of an expression in JSON changes with its
 * versions. One that somebody replaced has lost its comment, or has that of another.
 */
export function readTable(text: string, settings: TableSettings): Found {
  const entries = (JSON.parse(text) as { nftables?: unknown }).nftables;
  const hooks = new Map<string, string>();
  const rules = new Map<string, string[]>();
  const containers = new Set<string>();
  const content = new Map<string, string>();
  for (const entry of Array.isArray(entries) ? (entries as Entry[]) : []) {
    const { chain, rule, set, map } = entry;
    if (chain)
      hooks.set(chain.name, [chain.type, chain.hook, chain.prio].filter((x) => x !== undefined).join(' '));
    if (rule) rules.set(rule.chain, [...(rules.get(rule.chain) ?? []), commentOf(rule.comment)]);
    const container = set ?? map;
    if (container === undefined) continue;
    containers.add(container.name);
    for (const element of container.elem ?? []) {
      const [place, target] = map && Array.isArray(element) ? element : [element, undefined];
      content.set(`${container.name} ${placeText(place)}`, targetText(target));
    }
  }
  for (const name of hooks.keys()) {
    if (!VIP_CHAIN.test(name)) continue;
    const [only = UNKNOWN, ...more] = rules.get(name) ?? [];
    content.set(`chain ${name}`, more.length === 0 ? only : UNKNOWN);
  }
  return { layoutFits: fits(settings, hooks, rules, containers), content };
}

interface Entry {
  readonly chain?: {
    readonly name: string;
    readonly type?: string;
    readonly hook?: string;
    readonly prio?: number;
  };
  readonly rule?: { readonly chain: string; readonly comment?: string };
  readonly set?: Elements;
  readonly map?: Elements;
}

interface Elements {
  readonly name: string;
  readonly elem?: readonly unknown[];
}

function commentOf(comment: string | undefined): string {
  return comment?.split(' ')[0] ?? UNKNOWN;
}

function fits(
  settings: TableSettings,
  hooks: ReadonlyMap<string, string>,
  rules: ReadonlyMap<string, readonly string[]>,
  containers: ReadonlySet<string>,
): boolean {
  const base = baseChains(settings);
  const own = [...hooks.keys()].filter((name) => !VIP_CHAIN.test(name));
  if (own.length !== base.length || containers.size !== Object.keys(CONTAINERS).length) return false;
  for (const name of containers) if (!Object.hasOwn(CONTAINERS, name)) return false;
  return base.every(({ name, hook, rules: wanted }) => {
    const found = rules.get(name) ?? [];
    const same = wanted.length === found.length && wanted.every((rule, i) => digest(rule) === found[i]);
    return hooks.get(name) === hook && same;
  });
}

/** A place of one part is a plain value, of several `{"concat": […]}`; numbers of protocols may have no names. */
function placeText(place: unknown): string {
  // A text has a method of that name.
  const several: { readonly concat?: readonly unknown[] } =
    typeof place === 'object' && place !== null ? place : {};
  const parts = several.concat ?? [place];
  return parts.map((part, i) => (i === 0 ? (PROTOCOLS.get(part) ?? String(part)) : String(part))).join(' . ');
}

const PROTOCOLS = new Map<unknown, string>([
  [6, 'tcp'],
  [17, 'udp'],
]);

function targetText(target: unknown): string {
  if (target === undefined) return '';
  const { goto } = target as { readonly goto?: { readonly target?: string } };
  return goto?.target ?? UNKNOWN;
}
