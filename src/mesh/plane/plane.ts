import { errorText } from '../../core/errors.ts';
import type { Timer } from '../../core/clock.ts';
import { CallPolicy } from './call-policy.ts';
import { Endpoints } from './endpoints.ts';
import { Guard } from './guard.ts';
import type { MeshOrder, MeshWord } from './messages.ts';
import { Outlet } from './outlet.ts';
import { Shared } from './shared.ts';
import type { PlaneParts } from './shared.ts';
import { TaskIdentity } from './task-identity.ts';

interface OpenTask {
  readonly identity: TaskIdentity;
  readonly guards: readonly Guard[];
  readonly outlets: readonly Outlet[];
}

/** How often it is looked for connections that are silent for too long, as a share of that time. */
const SWEEP_SHARE = 8;

/** Carries the connections of tasks on one thread: does what it is told, and says when listeners are there. */
export class MeshPlane {
  readonly #shared: Shared;
  readonly #send: (word: MeshWord) => void;
  readonly #policy = new CallPolicy();
  readonly #tasks = new Map<string, OpenTask>();
  readonly #endpoints = new Map<string, Endpoints>();
  readonly #sweep: Timer;

  constructor(parts: PlaneParts, send: (word: MeshWord) => void) {
    this.#shared = new Shared(parts);
    this.#send = send;
    const { clock, setup } = parts;
    this.#sweep = clock.every(Math.ceil(setup.idleMs / SWEEP_SHARE), () => {
      const since = clock.monotonic() - setup.idleMs;
      for (const pipe of this.#shared.pipes)
        if (pipe.lastActive <= since) pipe.destroy(new Error('silent for too long'));
    });
  }

  onOrder(order: MeshOrder): void {
    switch (order.kind) {
      case 'open':
        return void this.#open(order);
      case 'identity':
        return this.#tasks.get(order.task)?.identity.replace(order.identity);
      case 'close':
        return this.#close(order.task);
      case 'endpoints':
        return this.#endpointsOf(order.upstream).set(order.endpoints);
      case 'policy':
        this.#policy.set(order.policy);
        for (const { guards } of this.#tasks.values()) for (const guard of guards) guard.judgeAgain();
    }
  }

  /** Close all that is open. */
  close(): void {
    this.#sweep.cancel();
    for (const task of this.#tasks.keys()) this.#close(task);
  }

  async #open(order: Extract<MeshOrder, { kind: 'open' }>): Promise<void> {
    const { task, sequence } = order;
    this.#close(task);
    const identity = new TaskIdentity(this.#shared.parts, order.identity, order.guards.length > 0);
    const guards = order.guards.map((spec) => new Guard(this.#shared, spec, identity, this.#policy));
    const outlets = order.outlets.map(
      (spec) =>
        new Outlet(this.#shared, spec, identity, (ip) =>
          spec.upstream === undefined ? this.#endpoints.get(ip) : this.#endpointsOf(spec.upstream),
        ),
    );
    const opened = { identity, guards, outlets };
    this.#tasks.set(task, opened);
    const results = await Promise.allSettled([...guards, ...outlets].map((one) => one.listen()));
    const failed = results.find((result) => result.status === 'rejected');
    const gone = this.#tasks.get(task) !== opened;
    // What came to be after it was closed is closed again.
    if (gone) close(opened);
    else if (failed) this.#close(task);
    const problem = failed ? errorText(failed.reason) : undefined;
    this.#send({ sequence, problem: problem ?? (gone ? 'it was closed again' : undefined) });
  }

  #close(task: string): void {
    const opened = this.#tasks.get(task);
    this.#tasks.delete(task);
    if (opened) close(opened);
  }

  #endpointsOf(upstream: string): Endpoints {
    let endpoints = this.#endpoints.get(upstream);
    if (!endpoints) this.#endpoints.set(upstream, (endpoints = new Endpoints()));
    return endpoints;
  }
}

function close({ identity, guards, outlets }: OpenTask): void {
  for (const one of [...guards, ...outlets]) one.close();
  identity.close();
}
