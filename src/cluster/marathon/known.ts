import type { Declaration } from '../catalog/declaration.ts';
import type { FollowedApp, ReadApp } from './app.ts';

/** What changed in one Marathon; undefined means gone. */
export interface MarathonNews {
  readonly kind: 'declared';
  readonly frameworkId: string;
  readonly frameworkName: string;
  /** By service name. */
  readonly services: ReadonlyMap<string, Declaration | undefined>;
  /** By task id. */
  readonly alive: ReadonlyMap<string, boolean | undefined>;
  /** Why an app is left out, by its id or place; undefined: it is not any more. */
  readonly rejected: ReadonlyMap<string, string | undefined>;
}

/** The last that is known of one Marathon: takes answers in, and says what is new in them. */
export class KnownMarathon {
  readonly frameworkId: string;
  readonly frameworkName: string;
  readonly #apps = new Map<string, FollowedApp & { readonly text: string }>();
  /** Which apps have a service name; as a rule one. The first by id has the service. */
  readonly #named = new Map<string, Set<string>>();
  readonly #rejected = new Map<string, string>();

  constructor(frameworkId: string, frameworkName: string) {
    this.frameworkId = frameworkId;
    this.frameworkName = frameworkName;
  }

  get size(): number {
    return this.#apps.size;
  }

  /** All apps that there are; undefined when that is no news. */
  takeAll(apps: readonly ReadApp[]): MarathonNews | undefined {
    const change = new Change();
    const there = new Set(apps.map((read) => (read.ok ? read.app.id : read.id)));
    for (const id of this.#apps.keys()) if (!there.has(id)) this.#set(id, undefined, change);
    for (const id of this.#rejected.keys()) if (!there.has(id)) this.#reject(id, undefined, change);
    for (const read of apps) this.#take(read, change);
    return this.#news(change);
  }

  /** One app; undefined: it is gone. */
  takeOne(id: string, read: ReadApp | undefined): MarathonNews | undefined {
    const change = new Change();
    if (read === undefined) {
      this.#set(id, undefined, change);
      this.#reject(id, undefined, change);
    } else this.#take(read, change);
    return this.#news(change);
  }

  #take(read: ReadApp, change: Change): void {
    // One that cannot be read now stays as it was last: half a definition must not undo a good one.
    if (!read.ok) return this.#reject(read.id, read.reason, change);
    const { app } = read;
    const other = [...(this.#named.get(app.declaration.name) ?? [])].find((id) => id !== app.id);
    const clash =
      other === undefined ? undefined : `has the same service name as ${other}, '${app.declaration.name}'`;
    this.#reject(app.id, clash, change);
    this.#set(app.id, app, change);
  }

  #set(id: string, app: FollowedApp | undefined, change: Change): void {
    const before = this.#apps.get(id);
    const text = app === undefined ? '' : textOf(app);
    if (before?.text === text || (before === undefined && app === undefined)) return;
    noteVerdicts(before?.alive ?? NO_VERDICTS, app?.alive ?? NO_VERDICTS, change.alive);
    if (before !== undefined) {
      this.#unname(before.declaration.name, id, change);
      this.#apps.delete(id);
    }
    if (app === undefined) return;
    this.#name(app.declaration.name, id, change);
    this.#apps.set(id, { ...app, text });
  }

  #name(name: string, id: string, change: Change): void {
    change.names.add(name);
    const same = this.#named.get(name);
    if (same === undefined) this.#named.set(name, new Set([id]));
    else same.add(id);
  }

  #unname(name: string, id: string, change: Change): void {
    change.names.add(name);
    const same = this.#named.get(name);
    same?.delete(id);
    if (same?.size === 0) this.#named.delete(name);
  }

  #reject(id: string, reason: string | undefined, change: Change): void {
    if (this.#rejected.get(id) === reason) return;
    change.rejected.set(id, reason);
    if (reason === undefined) this.#rejected.delete(id);
    else this.#rejected.set(id, reason);
  }

  #news({ names, alive, rejected }: Change): MarathonNews | undefined {
    if (names.size + alive.size + rejected.size === 0) return undefined;
    const services = new Map<string, Declaration | undefined>();
    for (const name of names) {
      const first = [...(this.#named.get(name) ?? [])].sort(byText)[0];
      services.set(name, first === undefined ? undefined : this.#apps.get(first)?.declaration);
    }
    const { frameworkId, frameworkName } = this;
    return { kind: 'declared', frameworkId, frameworkName, services, alive, rejected };
  }
}

class Change {
  readonly names = new Set<string>();
  readonly alive = new Map<string, boolean | undefined>();
  readonly rejected = new Map<string, string | undefined>();
}

const NO_VERDICTS: ReadonlyMap<string, boolean> = new Map();

function noteVerdicts(
  before: ReadonlyMap<string, boolean>,
  after: ReadonlyMap<string, boolean>,
  into: Map<string, boolean | undefined>,
): void {
  for (const taskId of before.keys()) if (!after.has(taskId)) into.set(taskId, undefined);
  for (const [taskId, alive] of after) if (before.get(taskId) !== alive) into.set(taskId, alive);
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The same for the same app. */
function textOf({ declaration, alive }: FollowedApp): string {
  const { name, labels, ports } = declaration;
  const plain = ports.map((port) => ({ ...port, labels: [] }));
  return JSON.stringify([name, [...labels], plain, [...alive].sort(([a], [b]) => byText(a, b))]);
}
