import { TYPE, nameBytes } from '../wire/index.ts';

/**
 * The records that the racing threads agree on. Each says whose it is and of which generation, so that memory which was torn, or used
 * for something else too early, shows. All records of a generation come before those of the one before go.
 */
export interface RaceSetup {
  readonly memory: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly reader: number;
  /** Word 0: not 0 when it is over. */
  readonly gate: Int32Array;
}

export interface RaceResult {
  readonly asked: number;
  readonly found: number;
  readonly gone: number;
  readonly problems: readonly string[];
}

export const ZONE = 'z.';
/** Names that are always there, names that come and go, services. */
export const STEADY = 40;
export const PASSING = 4_000;
export const SERVICES = 20;

export const steadyName = (i: number): string => `n${i}.z.`;
export const aliasName = (i: number): string => `c${i}.z.`;
export const passingName = (i: number): string => `${'p'.repeat(1 + (i % 40))}.p${i}.sub${i % 50}.z.`;
export const serviceName = (i: number): string => `_s${i}._tcp.z.`;
export const targetName = (i: number, generation: number): string => `t${generation & 7}.s${i}.z.`;

/** How many records generation `g` of a name has: most few, some two hundred. */
export function sizeOf(i: number, g: number): number {
  const n = Math.imul(i * 31 + g, 0x9e3779b1) >>> 8;
  return n % 5 === 0 ? 1 + ((n >> 4) % 200) : 1 + ((n >> 4) % 3);
}

/** Who, generation, which of them, and a check of these three. */
export function addressOf(i: number, g: number, k: number): Uint8Array {
  return Uint8Array.of(i & 0xff, g & 0xff, k, checkOf(i, g, k));
}

export function serviceOf(i: number, g: number, k: number): Uint8Array {
  const target = nameBytes(targetName(i, g)) ?? new Uint8Array(1);
  return Uint8Array.from([0, i, g & 0xff, k, 0, checkOf(i, g, k), ...target]);
}

function checkOf(i: number, g: number, k: number): number {
  return (Math.imul(i * 251 + (g & 0xff) * 13 + k + 7, 0x45d9f3b) >>> 11) & 0xff;
}

/** What is wrong with the records of a name; undefined when at least one generation is there in full. */
export function faultOf(
  i: number,
  type: number,
  records: readonly Uint8Array[],
  generationAt: (low: number) => number,
): string | undefined {
  const seen = new Map<number, Set<number>>();
  for (const data of records) {
    const [who, g, k, check] = type === TYPE.SRV ? [data[1], data[2], data[3], data[5]] : data;
    if (who !== (i & 0xff) || check !== checkOf(i, g as number, k as number))
      return `of somebody else: ${data.join('.')}`;
    const of = seen.get(g as number) ?? new Set();
    if (of.size === of.add(k as number).size) return `twice: ${data.join('.')}`;
    seen.set(g as number, of);
  }
  for (const [g, of] of seen) if (of.size === sizeOf(i, generationAt(g))) return undefined;
  return `no generation in full: ${[...seen].map(([g, of]) => `${of.size} of ${sizeOf(i, generationAt(g))} in ${g}`).join()}`;
}
