import type { Declarations } from './declarations.ts';
import { MultiMap } from './multimap.ts';
import { emptied, serviceKey, serviceOf } from './service.ts';
import type { Member } from './service.ts';
import { instanceOf, serviceName } from './task.ts';
import type { CatalogTask, Service } from './types.ts';

/** Which tasks make up which service, and which services are empty since when. */
export class ServiceTable {
  readonly #members = new Map<string, Member>();
  readonly #byService = new MultiMap();
  readonly #emptySince = new Map<string, { readonly sinceMs: number; readonly frameworkName: string }>();
  readonly #declarations: Declarations;
  readonly #emptyServiceMs: number;

  constructor(declarations: Declarations, emptyServiceMs: number) {
    this.#declarations = declarations;
    this.#emptyServiceMs = emptyServiceMs;
  }

  /** A task came, changed or went; returns the services to derive again. */
  move(key: string, before: CatalogTask | undefined, after: CatalogTask | undefined): readonly string[] {
    const touched: string[] = [];
    if (before) {
      const service = serviceKey(before.frameworkName, serviceName(before));
      this.#byService.delete(service, key);
      this.#members.delete(key);
      touched.push(service);
    }
    if (after) {
      const service = serviceKey(after.frameworkName, serviceName(after));
      this.#byService.add(service, key);
      this.#members.set(key, { task: after, instance: instanceOf(after) });
      touched.push(service);
    }
    return touched;
  }

  /** The service as it is now; undefined when there is none (any more). */
  derive(key: string, before: Service | undefined, nowMs: number): Service | undefined {
    const members: Member[] = [];
    for (const task of this.#byService.get(key)) {
      const member = this.#members.get(task);
      if (member) members.push(member);
    }
    const declaration = this.#declarations.get(key);
    const [first] = members;
    if (first) {
      this.#emptySince.delete(key);
      return serviceOf(first.task.frameworkName, serviceName(first.task), declaration, members);
    }
    if (declaration) {
      this.#emptySince.delete(key);
      return serviceOf(key.slice(0, -declaration.name.length - 1), declaration.name, declaration, members);
    }
    return before && this.#keepEmpty(key, before, nowMs) ? emptied(before) : undefined;
  }

  #keepEmpty(key: string, before: Service, nowMs: number): boolean {
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
