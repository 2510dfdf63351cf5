import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import type { Random } from '../../../core/random.ts';
import { errorText } from '../../../core/errors.ts';
import type { Offer, Resource, TaskInfo } from '../../../mesos/index.ts';
import { subtractResources } from '../../../mesos/index.ts';
import type { CallOutcome, SchedulerCall } from '../../driver/index.ts';
import { newInstanceId, taskIdOf } from '../apps/paths.ts';
import type { Instance } from '../instances/instance.ts';
import type { Instances } from '../instances/instances.ts';
import type { LaunchQueue, QueueEntry } from '../queue/launch-queue.ts';
import { matchOffer } from './match.ts';
import { placeOf } from './place.ts';
import type { RejectReason } from './reasons.ts';
import { taskInfo } from './task-info.ts';

export interface LauncherParts {
  readonly queue: LaunchQueue;
  readonly instances: Instances;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly maxInstancesPerOffer: number;
  readonly waitingOfferSeconds: number;
  readonly declineOfferSeconds: number;
  readonly call: (call: SchedulerCall) => Promise<CallOutcome>;
  /** These were not started after all. */
  readonly notLaunched: (instances: readonly Instance[], message: string) => void;
  /** No answer came: these may have been started or not. */
  readonly perhapsLaunched: (instances: readonly Instance[]) => void;
}

interface OpenOffer {
  readonly offer: Offer;
  left: Resource[];
  readonly launches: { readonly instance: Instance; readonly task: TaskInfo }[];
}

type Reasons = readonly [RejectReason, ...RejectReason[]];

/** Uses offers: starts what waits where it fits, and gives the rest back. */
export class Launcher {
  readonly #parts: LauncherParts;
  launchedTotal = 0;
  declinedTotal = 0;

  constructor(parts: LauncherParts) {
    this.#parts = parts;
  }

  /** Every offer is answered at once. Instances are on disk before the master hears of them. */
  handle(offers: readonly Offer[]): void {
    const open = offers.map((offer): OpenOffer => ({ offer, left: [...offer.resources], launches: [] }));
    this.#place(open);
    const waiting = this.#parts.queue.ready().length > 0;
    const refuse_seconds = waiting ? this.#parts.waitingOfferSeconds : this.#parts.declineOfferSeconds;
    const unused = open.filter((o) => o.launches.length === 0);
    if (unused.length > 0) {
      this.declinedTotal += unused.length;
      void this.#parts.call({
        type: 'DECLINE',
        decline: { offer_ids: unused.map((o) => o.offer.id), filters: { refuse_seconds } },
      });
    }
    for (const o of open) if (o.launches.length > 0) void this.#launch(o);
  }

  /** Round after round one instance per offer, so that what waits is spread over the agents that are offered. */
  #place(open: readonly OpenOffer[]): void {
    const rejected = new Map<string, { entry: QueueEntry; offer: Offer; reasons: Reasons }>();
    for (let placed = true; placed;) {
      placed = false;
      for (const o of open) {
        if (o.launches.length >= this.#parts.maxInstancesPerOffer) continue;
        placed = this.#placeOne(o, rejected) || placed;
      }
    }
    const now = this.#parts.clock.now();
    for (const { entry, offer, reasons } of rejected.values()) entry.statistics.unused(offer, reasons, now);
  }

  #placeOne(
    o: OpenOffer,
    rejected: Map<string, { entry: QueueEntry; offer: Offer; reasons: Reasons }>,
  ): boolean {
    const { queue, instances, random, clock } = this.#parts;
    const place = placeOf(o.offer);
    for (const entry of queue.ready()) {
      const { app } = entry;
      const key = `${app.id} ${o.offer.id.value}`;
      const match = matchOffer(app, o.left, place, instances.ofApp(app.id), random);
      if (!match.ok) {
        rejected.set(key, { entry, offer: o.offer, reasons: match.reasons });
        continue;
      }
      rejected.delete(key);
      const id = newInstanceId(app.id, random.uuid());
      const taskId = taskIdOf(id);
      const agentId = o.offer.agent_id.value;
      const instance: Instance = {
        id,
        taskId,
        app,
        agentId,
        ...place,
        address: o.offer.url.address.ip,
        ports: match.ports,
        state: 'TASK_STAGING',
        stagedAtMs: clock.now(),
        ipAddresses: [],
      };
      const at = { taskId, agentId, host: place.host, ports: match.ports, resources: match.resources };
      o.launches.push({ instance, task: taskInfo(app, at) });
      o.left = subtractResources(o.left, match.resources);
      instances.hold(instance);
      queue.launched(app.id);
      entry.statistics.used(o.offer, clock.now());
      return true;
    }
    return false;
  }

  async #launch(o: OpenOffer): Promise<void> {
    const placed = o.launches.map((l) => l.instance);
    try {
      await Promise.all(placed.map((instance) => this.#parts.instances.put(instance)));
    } catch (error) {
      this.#parts.notLaunched(placed, `the store did not take the instance: ${errorText(error)}`);
      void this.#parts.call({ type: 'DECLINE', decline: { offer_ids: [o.offer.id] } });
      return;
    }
    const launches = this.#stillWanted(o);
    const started = launches.map((l) => l.instance);
    if (started.length === 0) {
      void this.#parts.call({ type: 'DECLINE', decline: { offer_ids: [o.offer.id] } });
      return;
    }
    for (const { taskId, host } of started) this.#parts.log.info({ taskId, host }, 'launching an instance');
    // Looked at only now: what began to wait while we wrote has asked for offers already, and a filter that arrives
    // after that REVIVE would keep the rest of this agent from it.
    const refuse_seconds = this.#parts.queue.ready().length > 0 ? 0 : this.#parts.declineOfferSeconds;
    const outcome = await this.#parts.call({
      type: 'ACCEPT',
      accept: {
        offer_ids: [o.offer.id],
        operations: [{ type: 'LAUNCH', launch: { task_infos: launches.map((l) => l.task) } }],
        filters: { refuse_seconds },
      },
    });
    this.launchedTotal += started.length;
    if (outcome.kind === 'refused') this.#parts.notLaunched(started, outcome.message);
    else if (outcome.kind === 'not-connected')
      this.#parts.notLaunched(started, 'the master is not connected');
    else if (outcome.kind === 'unknown') this.#parts.perhapsLaunched(started);
  }

  /** What was killed while it was being written: the master has answered that there is no such task, and shall be right. */
  #stillWanted(o: OpenOffer): OpenOffer['launches'] {
    const now = o.launches.map(({ instance }) => this.#parts.instances.get(instance.taskId));
    const killed = now.filter((instance) => instance?.killing !== undefined) as Instance[];
    this.#parts.notLaunched(killed, 'killed before it was launched');
    return o.launches.filter((_, i) => now[i] !== undefined && now[i].killing === undefined);
  }
}
