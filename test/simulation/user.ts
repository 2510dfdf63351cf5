import { errorText } from '../../src/core/errors.ts';
import { restarted } from '../../src/frameworks/marathon/apps/build.ts';
import type { ChangeOutcome, Edit, Refusal } from '../../src/frameworks/marathon/deployments/changes.ts';
import type { Judge } from './judge.ts';
import type { MarathonNode } from './nodes.ts';
import type { World } from './world.ts';

/** How many instances of an app are wanted; undefined: it shall not be there. */
type Wish = number | undefined;

/** Somebody who wants apps, and remembers what was promised. */
export class User {
  readonly #world: World;
  readonly #marathon: MarathonNode;
  readonly #judge: Judge;
  readonly #most: number;
  readonly #promised = new Map<string, Wish>();
  /** Asked for since then, without an answer: it may hold or not. */
  readonly #perhaps = new Map<string, Set<Wish>>();

  /** `most`: how many instances of each app there is room for. */
  constructor(world: World, marathon: MarathonNode, judge: Judge, most: number) {
    this.#most = most;
    this.#world = world;
    this.#marathon = marathon;
    this.#judge = judge;
  }

  /** Create an app or change its size. */
  size(app: string, instances: number, stubborn = false): void {
    this.#marathon.process?.run(() => this.#size(app, instances, stubborn));
  }

  #size(app: string, instances: number, stubborn: boolean): void {
    const running = this.#marathon.marathon;
    if (!running) return;
    const { scheduler, editor } = running;
    const before = scheduler.registry.get(app);
    if (before && instances < before.instances) this.#judge.reduced(app);
    const body = before
      ? { instances }
      : { cmd: stubborn ? 'stubborn' : 'serve', cpus: 0.5, mem: 64, instances };
    const wish = (): Wish => instances;
    this.#change(app, wish, (version) => {
      const edited = editor.edit(app, body, { version, partial: true });
      return edited.kind === 'app' ? new Map([[app, edited.app]]) : edited;
    });
  }

  /** One instance more. */
  grow(app: string): void {
    this.#marathon.process?.run(() => {
      const now = this.#marathon.marathon?.scheduler.registry.get(app)?.instances ?? 0;
      this.#size(app, Math.min(now + 1, this.#most), false);
    });
  }

  restart(app: string): void {
    this.#marathon.process?.run(() => this.#restart(app));
  }

  #restart(app: string): void {
    const { scheduler } = this.#marathon.marathon ?? {};
    let size = scheduler?.registry.get(app)?.instances;
    if (!scheduler || size === undefined) return;
    this.#judge.reduced(app);
    const wish = (): Wish => size;
    this.#change(app, wish, (version) => {
      const current = scheduler.registry.get(app);
      if (!current) return missing;
      // as large as it is when its turn comes
      size = current.instances;
      return new Map([[app, restarted(current, version)]]);
    });
  }

  remove(app: string): void {
    this.#marathon.process?.run(() => this.#remove(app));
  }

  #remove(app: string): void {
    const { scheduler } = this.#marathon.marathon ?? {};
    if (!scheduler?.registry.get(app)) return;
    this.#judge.reduced(app);
    const wish = (): Wish => undefined;
    this.#change(app, wish, () => (scheduler.registry.get(app) ? new Map([[app, null]]) : missing));
  }

  /** What was promised and does not hold. */
  problems(): string[] {
    const { scheduler } = this.#marathon.marathon ?? {};
    if (!scheduler) return ['marathon is not there'];
    return [...new Set([...this.#promised.keys(), ...this.#perhaps.keys()])].flatMap((app) => {
      const is = scheduler.registry.get(app)?.instances;
      const allowed = [this.#promised.get(app), ...(this.#perhaps.get(app) ?? [])];
      return allowed.includes(is)
        ? []
        : [`${app} has ${is} instances, ${allowed.join(' or ')} were promised`];
    });
  }

  #change(app: string, wish: () => Wish, edit: (version: string) => Edit | Refusal): void {
    const { scheduler } = this.#marathon.marathon ?? {};
    const process = this.#marathon.process;
    if (!scheduler || !process) return;
    this.#world.say('user', `wants ${wish() ?? 'no'} instances of ${app}`);
    const perhaps = this.#perhaps.get(app) ?? new Set();
    this.#perhaps.set(app, perhaps.add(wish()));
    const answered = (outcome: ChangeOutcome): void => {
      this.#world.say('user', `is told ${outcome.kind} for ${app}`);
      // what was refused changed nothing, but an earlier wish of the same size may still hang
      if (outcome.kind !== 'deployed') return;
      this.#promised.set(app, wish());
      perhaps.clear();
    };
    scheduler.changes.change(edit, { force: true }).then(
      (outcome) => process.run(() => answered(outcome)),
      (error: unknown) => this.#world.say('user', `is told ${errorText(error)}`),
    );
  }
}

const missing: Refusal = { kind: 'refused', status: 404, message: 'no such app' };
