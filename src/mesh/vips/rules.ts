import { sha1 } from '../../core/sha1.ts';
import { STAND_INS } from '../../core/mesh.ts';

/** A task that calls VIPs: who is in this group comes to this port of ours. */
export interface Caller {
  /** Folder below /sys/fs/cgroup, which is where nft(8) looks, and steps below the root of its tree. */
  readonly group: string;
  readonly level: number;
  readonly port: number;
}

/** What the kernel is to know. */
export interface Redirects {
  /** Stand-ins by address and port, as in `GuardedVips.places`. */
  readonly places: ReadonlyMap<string, string>;
  readonly callers: readonly Caller[];
}

/**
 * The commands that make the table anew, as one transaction; what it translated before stays as it is. A connection of a caller to a VIP
 * goes to the stand-in of the VIP, at the port of the caller: so one rule and two maps do for all pairs, and the address and port at
 * which a connection comes tell who calls whom. Who calls a stand-in itself is refused: its port is that of somebody.
 */
export function tableScript(table: string, { places, callers }: Redirects): string {
  const byLevel = Map.groupBy(callers, ({ level }) => level);
  const levels = [...byLevel].sort(([a], [b]) => a - b);
  const maps = levels.flatMap(([level, all]) => [
    `  map callers${level} {`,
    '    type cgroupsv2 : inet_service',
    `    elements = { ${all.map(({ group, port }) => `"${group}" : ${port}`).join(', ')} }`,
    '  }',
  ]);
  const lines = [
    ...(places.size === 0
      ? ['  map places { type ipv4_addr . inet_service : ipv4_addr; }']
      : [
          '  map places {',
          '    type ipv4_addr . inet_service : ipv4_addr',
          `    elements = { ${[...places].map(([place, local]) => `${place} : ${local}`).join(', ')} }`,
          '  }',
        ]),
    ...maps,
    '  chain output {',
    // before the VIPs of the load balancer (-110) and all who publish ports (-100)
    '    type nat hook output priority -120; policy accept;',
    ...levels.map(
      ([level]) =>
        `    dnat ip to ip daddr . tcp dport map @places : socket cgroupv2 level ${level} map @callers${level}`,
    ),
    '  }',
    '  chain wall {',
    '    type filter hook output priority 0; policy accept;',
    `    meta l4proto tcp ip daddr ${STAND_INS.cidr} ct status & dnat == 0 reject with tcp reset comment "@"`,
    '  }',
  ];
  const text = lines.join('\n');
  return `${removalScript(table)}table inet ${table} {\n${text.replace('"@"', `"${digestOf(text)}"`)}\n}\n`;
}

/** By this a table is known again when it is read back. */
function digestOf(text: string): string {
  return Array.from(sha1(text).subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The digest in a table that was read back, or in the script that makes it. */
export function digestIn(text: string): string | undefined {
  return /\bcomment\W+([0-9a-f]{16})\b/.exec(text)?.[1];
}

/** The commands that leave nothing of the table, whether or not there is one. */
export function removalScript(table: string): string {
  return `table inet ${table} { }\ndelete table inet ${table}\n`;
}
