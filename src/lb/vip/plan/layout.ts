import type { VipRange } from '../../../cluster/vips/index.ts';
import { digest } from './digest.ts';

/** What the table depends on besides the VIPs. */
export interface TableSettings {
  /** In the family `inet`; a name that nft takes without quotes. */
  readonly table: string;
  /** Addresses that are VIPs and nothing else: connections to one that nobody has are refused at once. */
  readonly ranges: readonly VipRange[];
  /** `all`: backends see the address of this host; `needed`: the client's, except where answers would not come back this way. */
  readonly masquerade: 'all' | 'needed';
}

/** A chain as it has to be: its hook, and its rules by their comments. */
export interface BaseChain {
  readonly name: string;
  /** `nat prerouting -110`; empty for a chain without a hook. */
  readonly hook: string;
  readonly rules: readonly string[];
}

/** The sets and maps that hold the VIPs, and their nft types. */
export const CONTAINERS = {
  vips4: 'map vips4 { type inet_proto . ipv4_addr . inet_service : verdict; }',
  vips6: 'map vips6 { type inet_proto . ipv6_addr . inet_service : verdict; }',
  refused4: 'set refused4 { type inet_proto . ipv4_addr . inet_service; }',
  refused6: 'set refused6 { type inet_proto . ipv6_addr . inet_service; }',
  addresses4: 'set addresses4 { type ipv4_addr; }',
  addresses6: 'set addresses6 { type ipv6_addr; }',
  self4: 'set self4 { type ipv4_addr . ipv4_addr; }',
  self6: 'set self6 { type ipv6_addr . ipv6_addr; }',
} as const;

export type Container = keyof typeof CONTAINERS;

/** Chains of VIPs begin with this, the chains of the table itself do not. */
export const VIP_CHAIN = /^vip[46]_/;

/**
 * The chains that packets come by. They translate a little before others do (Docker publishes ports at -100), and refuse what was not
 * translated; the addresses of the ranges are nobody's otherwise, and a connection that hangs is worse than one that is refused.
 */
export function baseChains({ ranges, masquerade }: TableSettings): BaseChain[] {
  const translate = [
    'meta l4proto . ip daddr . th dport vmap @vips4',
    'meta l4proto . ip6 daddr . th dport vmap @vips6',
  ];
  const which = [
    ...ranges.map(({ first, last }) => `${first.includes(':') ? 'ip6' : 'ip'} daddr ${first}-${last}`),
    'meta l4proto . ip daddr . th dport @refused4',
    'meta l4proto . ip6 daddr . th dport @refused6',
  ];
  const refuse = which.flatMap((match) => [
    `meta l4proto tcp ${match} reject with tcp reset`,
    `${match} reject with icmpx port-unreachable`,
  ]);
  const chain = (name: string, hook: string, rules: readonly string[]): BaseChain => ({ name, hook, rules });
  return [
    chain('refuse', '', refuse),
    chain('prerouting', 'nat prerouting -110', translate),
    chain('output', 'nat output -110', translate),
    chain('postrouting', 'nat postrouting 90', masquerades(masquerade)),
    ...['input', 'forward', 'output'].map((hook) =>
      chain(`refuse-${hook}`, `filter ${hook} -10`, ['jump refuse']),
    ),
  ];
}

/**
 * `needed`: what comes from this host (its address was chosen before it was known where it goes), and what a client sends to itself,
 * whose answers would not come back this way.
 */
function masquerades(which: TableSettings['masquerade']): string[] {
  return [4, 6].flatMap((family) => {
    const ip = family === 4 ? 'ip' : 'ip6';
    const ours = `ct status dnat ct original ${ip} daddr @addresses${family}`;
    if (which === 'all') return [`${ours} masquerade`];
    return [
      `${ours} fib saddr type local masquerade`,
      `${ours} ${ip} saddr . ${ip} daddr @self${family} masquerade`,
    ];
  });
}

/** A rule with the comment that it is known by when the table is read back. */
export function commented(rule: string, name = ''): string {
  return `${rule} comment "${digest(rule + name)}${name === '' ? '' : ` ${name}`}"`;
}

/** The commands that make a new, empty table. */
export function emptyTable(settings: TableSettings): string {
  const lines = Object.values(CONTAINERS).map((container) => `  ${container}`);
  for (const { name, hook, rules } of baseChains(settings)) {
    const [type, at, priority] = hook.split(' ');
    const head = hook === '' ? '' : `type ${type} hook ${at} priority ${priority}; policy accept; `;
    lines.push(`  chain ${name} {`, `    ${head}`, ...rules.map((rule) => `    ${commented(rule)}`), '  }');
  }
  return `table inet ${settings.table} {\n${lines.join('\n')}\n}\n`;
}
