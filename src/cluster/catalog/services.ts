import type { Declarations } from './declarations.ts';
import { LiveService, serviceKey, youngestOf } from './live-service.ts';
import { LiveTask, serviceName } from './live-task.ts';

/** A task that came to a service, changed in it, or left it (then without `after`). */
interface Move {
  readonly key: string;
  readonly after: LiveTask | undefined;
  readonly next: Moves;
}

/** The latest of several moves; one that came or changed stands for itself, for that is nearly always all. */
type Moves = Move | LiveTask | undefined;

/** Which services a step touches and how, and which services are empty since when. */
export class ServiceTable {
  /** What moved in each service that is touched; the services themselves know what was there before. */
  readonly #touched = new Map<string, Moves>();
  readonly #emptySince = new Map<string, { readonly sinceMs: number; readonly frameworkName: string }>();
  readonly #declarations: Declarations;
  readonly #emptyServiceMs: number;

  constructor(declarations: Declarations, emptyServiceMs: number) {
    this.#declarations = declarations;
    this.#emptyServiceMs = emptyServiceMs;
  }

  /** The services that are to be derived again, from `clear` on, and what moved in each of them. */
  get touched(): Iterable<readonly [string, Moves]> {
    return this.#touched;
  }

  get touchedCount(): number {
    return this.#touched.size;
  }

  touch(key: string): void {
    if (!this.#touched.has(key)) this.#touched.set(key, undefined);
  }

  clear(): void {
    this.#touched.clear();
  }

  /** A task came, changed or went; at most once in a step. */
  move(before: LiveTask | undefined, after: LiveTask | undefined): void {
    const from = before && serviceKey(before.frameworkName, serviceName(before));
    const to = after && serviceKey(after.frameworkName, serviceName(after));
    if (before && from !== undefined && from !== to) this.#note(from, before.key, undefined);
    if (after && to !== undefined) this.#note(to, after.key, after);
  }

  #note(service: string, key: string, after: LiveTask | undefined): void {
    const next = this.#touched.get(service);
    this.#touched.set(service, next === undefined && after ? after : { key, after, next });
  }

  /** The service as it is now; undefined when there is none (any more). */
  derive(key: string, moves: Moves, before: LiveService | undefined, nowMs: number): LiveService | undefined {
    const declaration = this.#declarations.get(key);
    if (moves instanceof LiveTask && !before && !declaration) {
      this.#emptySince.delete(key);
      return new LiveService(namesOf(moves), moves);
    }
    const tasks = this.#tasksOf(moves, before);
    const source = declaration ?? youngestOf(tasks);
    if (!source) return before && this.#keepEmpty(key, before, nowMs) ? emptied(before) : undefined;
    this.#emptySince.delete(key);
    const [first] = tasks;
    const { name = '' } = declaration ?? {};
    const names = first ? namesOf(first) : { frameworkName: key.slice(0, -name.length - 1), name };
    const parts = { declared: declaration !== undefined, source, tasks };
    return new LiveService(names, first === source && tasks.length === 1 ? first : parts);
  }

  /** In the order of their keys. */
  #tasksOf(moves: Moves, before: LiveService | undefined): readonly LiveTask[] {
    if (!moves) return before?.tasks ?? [];
    if (moves instanceof LiveTask && !before) return [moves];
    const moved = new Map<string, LiveTask | undefined>();
    let move: Moves = moves;
    for (; move && !(move instanceof LiveTask); move = move.next) moved.set(move.key, move.after);
    if (move) moved.set(move.key, move);
    const tasks = (before?.tasks ?? []).filter((task) => !moved.has(task.key));
    for (const task of moved.values()) if (task) tasks.push(task);
    return tasks.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #keepEmpty(key: string, before: LiveService, nowMs: number): boolean {
    const sinceMs = this.#emptySince.get(key)?.sinceMs ?? nowMs;
    const keep = nowMs - sinceMs < this.#emptyServiceMs && !this.#declarations.declares(before.frameworkName);
    if (keep) this.#emptySince.set(key, { sinceMs, frameworkName: before.frameworkName });
    else this.#emptySince.delete(key);
    return keep;
  }

  /** Services that have been empty for too long. */
  expired(nowMs: number): string[] {
    const keys: string[] = [];
    for (const [key, { sinceMs }] of this.#emptySince)
      if (nowMs - sinceMs >= this.#emptyServiceMs) keys.push(key);
    return keys;
  }

  /** The empty services of a framework. */
  emptyOf(frameworkName: string | undefined): string[] {
    const keys: string[] = [];
    for (const [key, empty] of this.#emptySince) if (empty.frameworkName === frameworkName) keys.push(key);
    return keys;
  }
}

function namesOf(task: LiveTask): { readonly frameworkName: string; readonly name: string } {
  return { frameworkName: task.frameworkName, name: serviceName(task) };
}

/** A service whose last instance left: it stays for a while, so that callers see 503 and not 404. */
function emptied(service: LiveService): LiveService {
  return new LiveService(service, { declared: false, source: service.source, tasks: [] });
}
