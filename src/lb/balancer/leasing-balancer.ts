import type { Clock } from '../../core/clock.ts';
import { Dice } from './dice.ts';
import { Entry, Scene, Standing } from './entry.ts';
import { Group } from './group.ts';
import { digest } from './hash.ts';
import { EntryLease } from './lease.ts';
import type { LeaseBook } from './lease.ts';
import { mostRequests } from './policy.ts';
import type { BackendPolicy } from './policy.ts';
import { Ring } from './ring.ts';
import { SlowStart } from './slow-start.ts';
import { strategies } from './strategies.ts';
import type { Strategy } from './strategies.ts';
import type {
  Balancer,
  BalancerState,
  Eligibility,
  Endpoint,
  EndpointChange,
  EndpointHealth,
  EndpointView,
  Lease,
  PickContext,
} from './types.ts';
import { MANY, Warm } from './warm.ts';
import { ZoneView } from './zones.ts';

const PANIC_BELOW = 0.5;
/** Number of the update that named those last that are leaving. */
const LEFT = -1;

export interface BalancerParts {
  readonly policy: BackendPolicy;
  readonly health: EndpointHealth;
  readonly clock: Clock;
  /** Where rotation and chance begin: a random number, so that many balancers do not move in step. */
  readonly seed: number;
  /** Told when panic begins and ends, from within a pick; must not throw. */
  readonly onPanic?: (state: BalancerState) => void;
}

/**
 * A balancer over any strategy. It prefers endpoints that are up, not unhealthy and not ejected. When fewer than half
 * are, it takes whoever is up, for doubtful instances under half the load are better than few good ones that drown.
 * Endpoints that drain, do not run yet, have as many requests as they take, or have been tried by this request are
 * never picked.
 */
export class LeasingBalancer implements Balancer, LeaseBook {
  readonly scene: Scene;
  running = 0;
  readonly #parts: BalancerParts;
  readonly #strategy: Strategy;
  readonly #ring: Ring | undefined;
  readonly #slowStart: SlowStart;
  #entries: Entry[] = [];
  readonly #byKey = new Map<string, Entry>();
  #updates = 0;
  /** Entries are here that the last update did not name. */
  #someLeft = false;
  /** Those that take requests, well or not. */
  #all: Group;
  /** Views of fault domains that were asked for since the last update. */
  readonly #zones = new Map<string, ZoneView>();
  #hasZones = false;
  readonly #warm = new Warm();
  readonly #sticky = new Map<string, Entry>();
  #state: BalancerState = { up: 0, usable: 0, panicking: false };
  /** `#state` and the weights hold until then, or until somebody is ejected. */
  #freshUntil = Number.NEGATIVE_INFINITY;
  #healthChanges = 0;

  constructor(parts: BalancerParts) {
    const { policy, seed } = parts;
    this.#parts = parts;
    this.#strategy = strategies[policy.balance];
    this.#ring = policy.balance === 'ringhash' ? new Ring((f) => void parts.clock.after(0, f)) : undefined;
    this.#slowStart = new SlowStart(policy.slowStartMs ?? 0, parts.clock);
    this.scene = new Scene(new Dice(seed));
    this.#all = new Group([]);
  }

  get overflowed(): boolean {
    return this.scene.sawFull;
  }

  pick(ctx: PickContext): Lease | undefined {
    const entry = this.#choose(ctx, true);
    if (entry === undefined) return undefined;
    const { scene } = this;
    scene.served += 1 / (this.#all.total || 1);
    entry.serve(scene.served);
    return new EntryLease(entry, this, ctx.now);
  }

  peek(ctx: PickContext): Endpoint | undefined {
    const view = ctx.zone === undefined ? undefined : this.#zones.get(ctx.zone);
    const groups = [this.#all, ...(view === undefined ? [] : [view.local, view.other])];
    const turns = groups.map((group) => group.turn);
    const { dice } = this.scene;
    const [chance, owed] = [dice.state, view?.owed];
    const entry = this.#choose(ctx, false);
    dice.state = chance;
    for (const [i, turn] of turns.entries()) if (groups[i] !== undefined) groups[i].turn = turn;
    if (view !== undefined) view.owed = owed ?? 0;
    else if (ctx.zone !== undefined) this.#zones.delete(ctx.zone);
    return entry?.endpoint;
  }

  /** `mayRepeat`: who has just been asked may be asked again. */
  #choose(ctx: PickContext, mayRepeat: boolean): Entry | undefined {
    const { scene } = this;
    const { now } = ctx;
    scene.now = now;
    scene.tried = ctx.tried;
    scene.sawFull = false;
    if (now >= this.#freshUntil || this.#parts.health.changes !== this.#healthChanges) this.#refresh(now);
    const { panicking } = this.#state;
    scene.lax = panicking;
    const entry = (mayRepeat && this.#repeats(ctx) ? this.#warm.take(scene) : undefined) ?? this.#first(ctx);
    // With all good ones tried and nobody full, a doubtful one is better than a certain error.
    if (entry !== undefined || panicking || scene.sawFull) return entry;
    scene.lax = true;
    return this.#strategy(this.#all, scene);
  }

  /** The choice is free, and among many. */
  #repeats({ tried, stickyKey, zone }: PickContext): boolean {
    if (this.#all.members.length < MANY || this.#parts.policy.balance !== 'p2c') return false;
    return tried.length === 0 && stickyKey === undefined && (zone === undefined || !this.#hasZones);
  }

  rested(entry: Entry): void {
    if (this.#all.members.length < MANY || this.#parts.policy.balance !== 'p2c') return;
    if (entry.update === this.#updates && entry.isMember)
      this.#warm.put(entry, this.scene.meanLatency, this.#all.members.length);
  }

  #first(ctx: PickContext): Entry | undefined {
    const { scene } = this;
    if (ctx.stickyKey !== undefined) {
      const entry = this.#sticky.get(ctx.stickyKey);
      if (entry !== undefined && scene.usable(entry)) return entry;
    }
    if (this.#ring !== undefined && ctx.hashKey !== undefined) {
      const entry = this.#ring.find(ctx.hashKey, scene, this.running, this.#all.total);
      if (entry !== undefined) return entry;
    } else if (ctx.zone !== undefined && this.#hasZones && !scene.lax) {
      const entry = this.#zone(ctx.zone).choose(this.#strategy, scene);
      if (entry !== undefined) return entry;
    }
    return this.#strategy(this.#all, scene);
  }

  #zone(name: string): ZoneView {
    let view = this.#zones.get(name);
    if (view === undefined) {
      view = new ZoneView(name, this.#all);
      view.weigh(this.scene);
      this.#zones.set(name, view);
    }
    return view;
  }

  /** Count who is usable and weigh who starts slowly: after an update, an ejection or its end, and while weights grow. */
  #refresh(now: number): void {
    const { health, policy, onPanic } = this.#parts;
    const { scene } = this;
    scene.now = now;
    this.#healthChanges = health.changes;
    const growsAt = this.#slowStart.weigh(this.#entries, now);
    this.#freshUntil = Math.min(growsAt, health.nextReturn(now));
    let up = 0;
    let usable = 0;
    for (const entry of this.#all.members) {
      if (entry.standing !== Standing.UNPROVEN) up += 1;
      if (scene.isWell(entry)) usable += 1;
    }
    this.#all.weigh();
    for (const view of this.#zones.values()) view.weigh(scene);
    const was = this.#state.panicking;
    const panicking = up > 0 && usable / up < (policy.panicBelow ?? PANIC_BELOW);
    this.#state = { up, usable, panicking };
    if (panicking !== was) onPanic?.(this.#state);
  }

  /** Those that stay keep their order and their counts, newcomers follow; the rotation goes on where it was. */
  update(endpoints: readonly Endpoint[]): void {
    this.#updates += 1;
    const known = this.#byKey.size;
    const stay = this.#take(endpoints);
    this.#someLeft ||= stay < known;
    this.#settle();
  }

  change({ gone, come, more }: EndpointChange): void {
    for (const key of gone) {
      const entry = this.#byKey.get(key);
      if (entry === undefined) continue;
      entry.update = LEFT;
      this.#someLeft = true;
    }
    this.#take(come);
    if (more !== true) this.#settle();
  }

  /** They are there from now on. How many of them were before. */
  #take(endpoints: readonly Endpoint[]): number {
    const update = this.#updates;
    let stay = 0;
    for (const endpoint of endpoints) {
      let entry = this.#byKey.get(endpoint.key);
      if (entry === undefined) {
        entry = this.#enter(endpoint);
        this.#byKey.set(endpoint.key, entry);
        this.#entries.push(entry);
      } else {
        this.#slowStart.changed(entry, endpoint);
        entry.endpoint = endpoint;
        stay += 1;
      }
      entry.update = update;
    }
    return stay;
  }

  #settle(): void {
    const update = this.#updates;
    if (this.#someLeft) this.#entries = this.#entries.filter((e) => e.update === update || this.#leave(e));
    this.#someLeft = false;
    this.#slowStart.begun = true;
    judge(this.#entries);
    this.#regroup();
    this.#freshUntil = Number.NEGATIVE_INFINITY;
  }

  /** Always false: it is not kept. */
  #leave(entry: Entry): boolean {
    const { key } = entry.endpoint;
    this.#byKey.delete(key);
    this.#parts.health.forget(key);
    return false;
  }

  #enter(endpoint: Endpoint): Entry {
    const { policy, health } = this.#parts;
    const sticky = policy.sticky === undefined ? '' : digest(endpoint.key);
    const entry = new Entry(endpoint, health.stateOf(endpoint.key), sticky, mostRequests(policy.breakers));
    entry.served = this.scene.served;
    this.#slowStart.changed(entry, undefined);
    return entry;
  }

  #regroup(): void {
    const before = this.#all;
    const members = this.#entries.filter((e) => e.isMember);
    const stays = (e: Entry): boolean => e.update === this.#updates && e.isMember;
    const isFirst = before.members.length === 0;
    this.#all = new Group(members, isFirst ? this.#parts.seed : before.resume(members, stays));
    this.#hasZones = members.some((e) => e.endpoint.zone !== undefined);
    this.#zones.clear();
    this.#warm.clear();
    this.#ring?.update(members);
    this.#sticky.clear();
    if (this.#parts.policy.sticky === undefined) return;
    for (const entry of this.#entries)
      if (entry.endpoint.phase === 'up') this.#sticky.set(entry.stickyKey, entry);
  }

  inspect(ctx: PickContext): readonly EndpointView[] {
    return this.#entries.map((entry) => ({
      endpoint: entry.endpoint,
      inFlight: entry.inFlight,
      eligibility: eligibility(entry, ctx),
      latencyMs: entry.latency < 0 ? undefined : entry.latency,
      share: entry.share,
    }));
  }

  state(now: number): BalancerState {
    this.#refresh(now);
    return this.#state;
  }
}

/** Who has no result of its active check yet waits for it, unless all do. */
function judge(entries: readonly Entry[]): void {
  const someProven = entries.some((e) => e.isMember && e.endpoint.unproven !== true);
  for (const entry of entries) {
    const { healthy, unproven } = entry.endpoint;
    if (healthy === false) entry.standing = Standing.UNHEALTHY;
    else entry.standing = unproven === true && someProven ? Standing.UNPROVEN : Standing.GOOD;
  }
}

function eligibility(entry: Entry, ctx: PickContext): Eligibility {
  const { endpoint } = entry;
  if (endpoint.phase !== 'up') return endpoint.phase;
  if (endpoint.weight === 0) return 'weightless';
  if (ctx.tried.includes(endpoint.key)) return 'tried';
  if (entry.standing === Standing.UNHEALTHY) return 'unhealthy';
  if (entry.standing === Standing.UNPROVEN) return 'unproven';
  if (entry.health.ejectedUntil > ctx.now) return 'ejected';
  return entry.inFlight >= entry.limit ? 'full' : 'eligible';
}
