import { JsonSlicer } from '../../../core/json/slicer.ts';
import type { ItemSink, Plan } from '../../../core/json/slicer.ts';

export type Json = Readonly<Record<string, unknown>>;

/** Lists of a document by where they are; what takes their items. All else that is an object or a list is passed over. */
export interface Lists {
  readonly [name: string]: Lists | ((item: Json) => void);
}

/**
 * Hand out the items of the lists of a JSON document while it arrives: one of a hundred megabytes is never in memory. False: it
 * was no JSON object, and what was handed out may be a part.
 */
export async function readLists(body: AsyncIterable<Uint8Array>, lists: Lists): Promise<boolean> {
  const takers: ((item: Json) => void)[] = [];
  const slicer = new JsonSlicer(planOf(lists, takers), new Items(takers));
  for await (const piece of body) {
    slicer.push(piece);
    if (slicer.failed) return false;
  }
  return isJson(slicer.end()?.skeleton);
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function planOf(lists: Lists, takers: ((item: Json) => void)[]): Plan {
  const members = new Map<string, Plan>();
  for (const [name, inside] of Object.entries(lists)) {
    if (typeof inside === 'function') members.set(name, { act: 'slice', kind: takers.push(inside) - 1 });
    else members.set(name, planOf(inside, takers));
  }
  return { act: 'members', members, others: { act: 'skip' } };
}

class Items implements ItemSink {
  readonly #takers: readonly ((item: Json) => void)[];

  constructor(takers: readonly ((item: Json) => void)[]) {
    this.#takers = takers;
  }

  take(kind: number, bytes: Uint8Array, start: number, end: number): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
    const item: unknown = JSON.parse(text);
    if (isJson(item)) this.#takers[kind]?.(item);
  }

  guess(): number {
    return 0;
  }

  takeExpected(): boolean {
    return false;
  }
}
