import { sameValue } from '../model/index.ts';
import type { Declaration } from './declaration.ts';
import { LiveTask, portsOf, sameInstance } from './live-task.ts';
import type { CatalogPort, Instance, Service } from './types.ts';

/** `<framework name>/<service name>`: stable over restarts of framework and tasks. */
export function serviceKey(frameworkName: string, name: string): string {
  return `${frameworkName}/${name}`;
}

/** What a service has its labels and ports from: its declaration, else its youngest instance. */
export type Source = Declaration | LiveTask;

/** What a service consists of. */
export interface Parts {
  readonly declared: boolean;
  readonly source: Source;
  /** In the order of their keys. */
  readonly tasks: readonly LiveTask[];
}

/**
 * A service, which shows its declaration and its tasks. Of 100,000 services most have one task and no declaration: then
 * that task is all they consist of.
 */
export class LiveService implements Service {
  readonly frameworkName: string;
  /** Mostly the same text as that of the task. */
  readonly name: string;
  /** Replaced by `adopt` only. */
  of: LiveTask | Parts;

  constructor(names: { readonly frameworkName: string; readonly name: string }, of: LiveTask | Parts) {
    this.frameworkName = names.frameworkName;
    this.name = names.name;
    this.of = of;
  }

  get key(): string {
    return serviceKey(this.frameworkName, this.name);
  }
  get declared(): boolean {
    return this.of instanceof LiveTask ? false : this.of.declared;
  }
  get source(): Source {
    return this.of instanceof LiveTask ? this.of : this.of.source;
  }
  get tasks(): readonly LiveTask[] {
    return this.of instanceof LiveTask ? [this.of] : this.of.tasks;
  }
  get labels(): ReadonlyMap<string, string> {
    return this.source.labels;
  }
  get ports(): readonly CatalogPort[] {
    const { source } = this;
    return source instanceof LiveTask ? portsOf(source) : source.ports;
  }
  get instances(): readonly Instance[] {
    return this.tasks;
  }

  /** Stand on what `newer` stands on, which shows the same. */
  adopt(newer: LiveService): void {
    this.of = newer.of;
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
