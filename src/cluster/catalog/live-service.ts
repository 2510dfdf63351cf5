import { sameValue } from '../model/index.ts';
import type { Declaration } from './declaration.ts';
import { LiveTask, portsOf, sameInstance } from './live-task.ts';
import type { CatalogPort, Instance, Service } from './types.ts';

/** `<framework name>/<service name>`: stable over restarts of framework and tasks. */
export function serviceKey(frameworkName: string, name: string): string {
  return [frameworkName, name].join('/');
}

/** What a service has its labels and ports from: its declaration, else its youngest instance. */
export type Source = Declaration | LiveTask;

/** A service, which shows its declaration and its tasks. Most have one task, so that one is held without a list. */
export class LiveService implements Service {
  readonly key: string;
  readonly frameworkName: string;
  readonly name: string;
  readonly declared: boolean;
  /** Replaced by `adopt` only, as is `held`. */
  source: Source;
  held: LiveTask | readonly LiveTask[];

  /** `tasks` stand in the order of their keys. */
  constructor(
    names: { readonly key: string; readonly frameworkName: string; readonly name: string },
    declared: boolean,
    source: Source,
    tasks: readonly LiveTask[],
  ) {
    this.key = names.key;
    this.frameworkName = names.frameworkName;
    this.name = names.name;
    this.declared = declared;
    this.source = source;
    const [only] = tasks;
    this.held = only && tasks.length === 1 ? only : tasks;
  }

  get tasks(): readonly LiveTask[] {
    return this.held instanceof LiveTask ? [this.held] : this.held;
  }
  get labels(): ReadonlyMap<string, string> {
    return this.source.labels;
  }
  get ports(): readonly CatalogPort[] {
    return this.source instanceof LiveTask ? portsOf(this.source) : this.source.ports;
  }
  get instances(): readonly Instance[] {
    return this.tasks;
  }

  /** Stand on what `newer` stands on, which shows the same. */
  adopt(newer: LiveService): void {
    this.source = newer.source;
    this.held = newer.held;
  }
}

/** Whether two versions of one service show the same. */
export function sameService(a: LiveService, b: LiveService): boolean {
  const [before, after] = [a.tasks, b.tasks];
  return (
    before.length === after.length &&
    a.declared === b.declared &&
    a.name === b.name &&
    before.every((task, i) => sameInstance(task, after[i] as LiveTask)) &&
    sameValue(a.labels, b.labels) &&
    sameValue(a.ports, b.ports)
  );
}

/** The youngest task; of equals the first. */
export function youngestOf(tasks: readonly LiveTask[]): LiveTask | undefined {
  let youngest: LiveTask | undefined;
  for (const task of tasks)
    if (youngest === undefined || task.startedAtMs > youngest.startedAtMs) youngest = task;
  return youngest;
}
