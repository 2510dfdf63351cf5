import type { Container } from './layout.ts';
import { digest } from './digest.ts';
import type { Target, VirtualServer } from './servers.ts';

/** A piece of the table: the chain of a VIP, or an element of a set or map. */
export interface Item {
  /** `chain <name>`, or `<container> <element>`. */
  readonly key: string;
  /** What makes it the same as one that is there: the digest of the rule, the chain that an element leads to, or nothing. */
  readonly value: string;
  /** Of a chain. */
  readonly rule?: string;
  /** Said with the rule, for people who look at the table. */
  readonly name?: string;
}

/** All that a server is in the table. Some items are those of other servers as well. */
export function itemsOf(server: VirtualServer): Item[] {
  const { protocol, family, address, port, targets, name } = server;
  const place = `${protocol} . ${address} . ${port}`;
  if (targets.length === 0) return [element(`refused${family}`, place)];
  const chain = `vip${family}_${protocol}_${address.replaceAll(':', '_')}_${port}`;
  const rule = ruleOf(server);
  const said = name?.slice(0, MAX_NAME).replace(/[^a-z0-9.-]/g, '') ?? '';
  return [
    { key: `chain ${chain}`, value: digest(rule + said), rule, name: said },
    element(`vips${family}`, place, chain),
    element(`addresses${family}`, address),
    ...targets.map(({ ip }) => element(`self${family}`, `${ip} . ${ip}`)),
  ];
}

/** A comment has 128 bytes. */
const MAX_NAME = 100;

function element(container: Container, place: string, value = ''): Item {
  return { key: `${container} ${place}`, value };
}

/**
 * Each new connection goes to a target by chance, in proportion to its weight; the kernel keeps the ones that there are where they
 * are. (Of the ways in which nft can choose there is no one that counts connections.)
 */
function ruleOf({ protocol, family, targets }: VirtualServer): string {
  const ip = family === 4 ? 'ip' : 'ip6';
  const head = `meta l4proto ${protocol} dnat ${ip} to`;
  const [only] = targets;
  if (targets.length === 1 && only) return `${head} ${family === 4 ? only.ip : `[${only.ip}]`}:${only.port}`;
  const divisor = targets.map((t) => t.weight).reduce(greatestCommonDivisor, 0);
  let sum = 0;
  const choices = targets.map((target) => {
    const from = sum;
    sum += target.weight / divisor;
    return `${from === sum - 1 ? from : `${from}-${sum - 1}`} : ${textOf(target)}`;
  });
  return `${head} numgen random mod ${sum} map { ${choices.join(', ')} }`;
}

function textOf({ ip, port }: Target): string {
  return `${ip} . ${port}`;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
