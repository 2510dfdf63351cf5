import { asList, readAgent, readFramework, readTask } from '../../model/index.ts';
import type { Entities, ModelAgent, ModelFramework, ModelTask, Read } from '../../model/index.ts';
import { ItemStore } from './item-store.ts';
import { AGENT, FRAMEWORK } from './plans.ts';

/** An item of which there is something to say, or nothing more than that. */
class Troubled {
  readonly read: Read<unknown>;
  constructor(read: Read<unknown>) {
    this.read = read;
  }
}

/** An item that does not say all of who it is: that depends on where it stands. */
class Unplaced {
  readonly json: unknown;
  constructor(json: unknown) {
    this.json = json;
  }
}

/** No entity has this id, so it means that the item itself gives none. */
const NOWHERE = '';

function readItem(kind: number, json: unknown): unknown {
  const read = readOf(kind)(json, NOWHERE);
  if (read.id === NOWHERE) return new Unplaced(json);
  return read.value !== undefined && read.problems.length === 0 ? read.value : new Troubled(read);
}

function readOf(kind: number): (json: unknown, where: string, frameworkId?: string) => Read<unknown> {
  if (kind === AGENT) return readAgent;
  return kind === FRAMEWORK ? readFramework : readTask;
}

const NO_PROBLEMS: readonly string[] = [];

/** Keeps what was read of the items of documents, and finds it again in the skeleton of the current one. */
export class ItemEntities implements Entities {
  readonly items: ItemStore;

  constructor(seed: number) {
    this.items = new ItemStore(readItem, seed);
  }

  *agents(list: unknown, where: string): Iterable<Read<ModelAgent>> {
    yield* this.#each(list, (value) => (value as ModelAgent).id, readAgent, where);
  }

  *frameworks(list: unknown, where: string): Iterable<Read<ModelFramework>> {
    yield* this.#each(list, (value) => (value as ModelFramework).id, readFramework, where);
  }

  *tasks(list: unknown, where: string, frameworkId?: string): Iterable<Read<ModelTask>> {
    yield* this.#each(
      list,
      (value) => (value as ModelTask).key,
      (json, at) => readTask(json, at, frameworkId),
      where,
    );
  }

  /** In a skeleton an array stands for items, as `[first, count]`; anything else is itself. */
  *#each<T>(
    list: unknown,
    idOf: (value: unknown) => string,
    read: (json: unknown, where: string) => Read<T>,
    where: string,
  ): Iterable<Read<T>> {
    if (!Array.isArray(list)) {
      for (const [i, json] of asList(list).entries()) yield read(json, `${where}[${i}]`);
      return;
    }
    const [first = 0, count = 0] = list as number[];
    for (let i = 0; i < count; i++) {
      const value = this.items.value(first + i);
      if (value instanceof Unplaced) yield read(value.json, `${where}[${i}]`);
      else if (value instanceof Troubled) yield value.read as Read<T>;
      else yield { id: idOf(value), value: value as T, problems: NO_PROBLEMS };
    }
  }
}
