import type { Catalog, Rejected } from '../../cluster/index.ts';
import type { Vips } from '../../cluster/vips/index.ts';
import type { VipRange } from '../../cluster/vips/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import { commandsInTurn } from '../../net/index.ts';
import type { EndUdpFlows, Reactor, RunCommand } from '../../net/index.ts';
import { lbErrors } from '../errors.ts';
import type { Carrier, CarrierCounts } from './carrier.ts';
import type { VipsConfig } from './config.ts';
import { KernelVips, kernelProblem } from './kernel/kernel.ts';
import { removeTable } from './kernel/remove.ts';
import { VipRoutes } from './kernel/routes.ts';
import { exposeVipCarrier } from './metrics.ts';
import { WantedServers } from './plan/index.ts';
import type { VirtualServer } from './plan/index.ts';
import { ProxyVips } from './proxy/proxy.ts';
import { clashText, serverView } from './view.ts';

export interface VipLayerParts {
  readonly config: VipsConfig;
  /** The addresses that named VIPs get. */
  readonly ranges: readonly VipRange[];
  /** Following the catalog already. */
  readonly vips: Vips;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly reactor: Reactor;
  /** Runs nft and ip. */
  readonly run: RunCommand;
  readonly endUdpFlows: EndUdpFlows;
  /** Whether this system has nftables at all. */
  readonly linux: boolean;
  /** Runs a function when the event loop has gone round: setImmediate. */
  readonly later: (f: () => void) => void;
  /** Aborted when no other process carries VIPs here (any more): before, nothing is touched. */
  readonly ours: AbortSignal;
  /** What the process before this one has in the kernel: its `tableForSuccessor`. */
  readonly leftTable?: string | undefined;
}

/** How long changes are taken in before everything else gets its turn. */
const SLICE_MS = 4;
const PIECE = 64;

/** Connections to VIPs: follows what the labels say and has it carried, by the kernel or by listeners of ours. */
export class VipLayer {
  readonly #parts: VipLayerParts;
  readonly #wanted = new WantedServers();
  readonly #changed = new Set<string>();
  readonly #counts: CarrierCounts;
  #carrier: Carrier | undefined;
  #mode: 'off' | 'kernel' | 'proxy' = 'off';
  #reason = 'lb.vips.mode is off';
  #begun = false;
  #working = false;
  #clearing: Promise<void> | undefined;
  #forget: Unsubscribe[] = [];

  constructor(parts: VipLayerParts) {
    this.#parts = parts;
    this.#counts = exposeVipCarrier(parts.metrics, { mode: () => this.#mode, servers: () => this.#wanted });
  }

  /** What carries, as it was found at the start. */
  get mode(): 'off' | 'kernel' | 'proxy' {
    return this.#mode;
  }

  /** Rejects with LB_VIPS_NO_KERNEL where it has to be the kernel, and cannot. */
  async start(): Promise<void> {
    const { config, vips, catalog, ours } = this.#parts;
    const off = config.mode === 'off';
    const wake = (): void => (off ? this.#clear() : this.#wake());
    if (!off) {
      this.#carrier = await this.#choose();
      for (const key of vips.keys()) this.#changed.add(key);
      this.#forget = [vips.onChange((key) => this.#changed.add(key)), catalog.onChange(wake)];
    }
    if (!ours.aborted) {
      ours.addEventListener('abort', wake, { once: true });
      this.#forget.push(() => ours.removeEventListener('abort', wake));
    }
    wake();
  }

  /** Resolves when all that the catalog says so far is in effect, or has failed. */
  async settled(): Promise<void> {
    while (this.#working) await new Promise<void>((resolve) => this.#parts.later(resolve));
    await this.#carrier?.settled();
    await this.#clearing;
  }

  /** The table in the kernel that whoever takes over from this process finds; undefined when there is none. */
  get tableForSuccessor(): string | undefined {
    return this.#mode === 'kernel' ? this.#parts.config.table : undefined;
  }

  /** UDP ports at which this process listens for VIPs. */
  udpPorts(): readonly number[] {
    return this.#carrier?.udpPorts() ?? [];
  }

  /** Another process carries VIPs from now on. Never rejects. */
  async handOver(): Promise<void> {
    await this.#carrier?.handOver();
  }

  /** Resolves when nobody is connected to this process any more, or after so many milliseconds. Nobody new is taken in. */
  async drain(limitMs: number): Promise<void> {
    await this.#carrier?.drain(limitMs);
  }

  async stop(): Promise<void> {
    for (const forget of this.#forget.splice(0)) forget();
    await this.#clearing;
    await this.#carrier?.stop();
    this.#carrier = undefined;
  }

  /** For `GET /vips`. */
  view(): Record<string, unknown> {
    const at = (server: VirtualServer): string | undefined => this.#carrier?.takenAt(server.key);
    const servers = [...this.#wanted].sort((a, b) => (a.key < b.key ? -1 : 1));
    const { mode } = this;
    return { mode, reason: this.#reason, vips: servers.map((s) => serverView(s, at(s))) };
  }

  /** Labels that mean nothing, and VIPs that others are in the way of; for `GET /rejected`. */
  *setAside(): Generator<Rejected> {
    if (this.#mode === 'off') return;
    yield* this.#parts.vips.setAside();
    for (const clash of this.#wanted.clashes()) yield clashText(clash);
  }

  async #choose(): Promise<Carrier> {
    const { config, linux, log, clock, ranges } = this.#parts;
    const counts = this.#counts;
    const run = commandsInTurn(this.#parts.run);
    const asked = config.mode === 'proxy';
    const problem = asked ? 'lb.vips.mode is proxy' : linux ? await kernelProblem(run) : 'this is not Linux';
    if (problem === undefined) {
      const { table, masquerade, keepOnStop: keep, reconcileSeconds } = config;
      this.#mode = 'kernel';
      this.#reason = 'nftables is there, and this process may change it';
      log.info({ table, ranges }, 'the kernel carries VIPs');
      const settings = { table, ranges, masquerade };
      return new KernelVips({
        settings,
        run,
        endUdpFlows: this.#parts.endUdpFlows,
        clock,
        log,
        counts,
        keep,
        reconcileMs: reconcileSeconds * 1000,
      });
    }
    if (config.mode === 'kernel') throw lbErrors.LB_VIPS_NO_KERNEL({ reason: problem });
    this.#mode = 'proxy';
    this.#reason = problem;
    if (asked) log.info('listeners of this program carry VIPs');
    else
      log.warn({ problem }, 'the kernel cannot carry VIPs here: listeners of this program do, see GET /vips');
    return new ProxyVips({ ...this.#parts, config: config.proxy }, counts);
  }

  #wake(): void {
    if (!this.#working) this.#work();
  }

  #work(): void {
    const { vips, clock, later, catalog, ours } = this.#parts;
    const began = clock.monotonic();
    this.#working = true;
    for (let steps = 1; ; steps++) {
      // Only when a step of the catalog was taken in as a whole: halfway a VIP may have no address yet.
      if (!vips.work()) {
        if (this.#changed.size === 0) break;
        this.#takeSome();
      }
      if (steps % 8 === 0 && clock.monotonic() - began >= SLICE_MS) return later(() => this.#work());
    }
    this.#working = false;
    // Before the first word from the cluster nothing that is there from before is touched.
    if (this.#begun || catalog.current.version === 0 || !ours.aborted) return;
    this.#begun = true;
    this.#carrier?.begin();
    this.#clear();
  }

  /** What the process before this one has left in the kernel, and is none of ours, goes once what is wanted is carried. */
  #clear(): void {
    const { leftTable, config, ours, log } = this.#parts;
    const kernel = this.#mode === 'kernel';
    if (leftTable === undefined || !ours.aborted || (kernel && leftTable === config.table)) return;
    const run = commandsInTurn(this.#parts.run);
    this.#clearing = (async () => {
      await this.#carrier?.settled();
      await removeTable(run, leftTable, log);
      // Those of the kernel's own carrier were brought to its ranges.
      if (!kernel) await new VipRoutes(run, []).remove();
    })();
  }

  #takeSome(): void {
    let left = PIECE;
    for (const vipKey of this.#changed) {
      this.#changed.delete(vipKey);
      for (const key of this.#wanted.set(vipKey, this.#parts.vips.vip(vipKey)))
        this.#carrier?.set(key, this.#wanted.get(key));
      if (--left === 0) return;
    }
  }
}
