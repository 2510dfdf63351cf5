import type { Clock, Timer } from '../../core/clock.ts';
import type { Label } from '../../mesos/index.ts';
import type { CallOutcome } from '../driver/index.ts';
import type { App } from './apps/app.ts';
import { discoveryName } from './apps/paths.ts';
import type { AppRegistry } from './apps/registry.ts';
import { appPorts } from './apps/ports.ts';

const DEBOUNCE_MS = 100;
const RETRY_MS = 1_000;

/**
 * The labels by which the framework declares its services, so that whoever watches the master (the edge) can tell an
 * app scaled to nothing from one that is gone: `rimrock.declares` = `services`, and one `rimrock.service` per app with
 * its name, its routing labels and its ports as JSON; with these what Mesos does not know: service ports, the checks that
 * Marathon runs itself, and the tasks that these found unwell.
 */
export function serviceLabels(apps: readonly App[], unhealthy: Unhealthy = NOBODY): Label[] {
  return [
    { key: 'rimrock.declares', value: 'services' },
    ...apps.map((app) => ({
      key: 'rimrock.service',
      value: JSON.stringify(declaration(app, unhealthy.get(app.id) ?? [])),
    })),
  ];
}

/** Ids of tasks by app. */
export type Unhealthy = ReadonlyMap<string, readonly string[]>;

const NOBODY: Unhealthy = new Map();

function declaration(app: App, unhealthy: readonly string[]): unknown {
  return {
    name: discoveryName(app.id),
    labels: Object.fromEntries(
      Object.entries(app.labels).filter(([key]) => key.startsWith('HAPROXY_') || key.startsWith('rimrock.')),
    ),
    ports: appPorts(app).map(({ name, protocol, servicePort: port }, index) => ({
      ...(name === undefined ? {} : { name }),
      protocol,
      // With requirePorts it is a port of the agents: who opened it on the machine of one would take it away.
      ...(port === 0 || app.requirePorts ? {} : { servicePort: port }),
      ...checkOf(app, index),
    })),
    ...(unhealthy.length === 0 ? {} : { unhealthy }),
  };
}

/** The first check of a port that others can run as well. */
function checkOf(app: App, index: number): { readonly check?: unknown } {
  const found = app.healthChecks.find(
    ({ protocol, portIndex }) => (protocol === 'HTTP' || protocol === 'TCP') && (portIndex ?? 0) === index,
  );
  if (found === undefined) return {};
  const { protocol, path, port, intervalSeconds, timeoutSeconds, maxConsecutiveFailures } = found;
  const check = {
    kind: protocol === 'HTTP' ? 'http' : 'tcp',
    ...(protocol === 'HTTP' ? { path: path ?? '/' } : {}),
    ...(port === undefined ? {} : { port }),
    intervalMs: intervalSeconds * 1000,
    timeoutMs: timeoutSeconds * 1000,
    failures: maxConsecutiveFailures + 1,
  };
  return { check };
}

/** Sends the declaration when it has changed, at most every 100 ms. */
export class ServiceDeclarations {
  readonly #parts: {
    readonly registry: AppRegistry;
    readonly clock: Clock;
    readonly unhealthy: () => Unhealthy;
    readonly send: () => Promise<CallOutcome>;
  };
  #revision = -1;
  #sent = '';
  #timer: Timer | undefined;

  constructor(parts: {
    readonly registry: AppRegistry;
    readonly clock: Clock;
    /** Whom our own checks found unwell. */
    readonly unhealthy: () => Unhealthy;
    /** Tell the master the present labels. */
    readonly send: () => Promise<CallOutcome>;
  }) {
    this.#parts = parts;
  }

  /** The labels to subscribe with; they count as sent. */
  current(): readonly Label[] {
    this.#revision = this.#parts.registry.revision;
    const labels = serviceLabels(this.#parts.registry.all(), this.#parts.unhealthy());
    this.#sent = JSON.stringify(labels);
    return labels;
  }

  /** To be called whenever apps may have changed; cheap when they have not. */
  check(): void {
    if (this.#revision === this.#parts.registry.revision || this.#timer) return;
    this.#schedule(DEBOUNCE_MS);
  }

  /** A verdict of our own checks may be another one. */
  judged(): void {
    if (!this.#timer) this.#schedule(DEBOUNCE_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(ms: number): void {
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = undefined;
      const before = this.#sent;
      this.current();
      if (this.#sent !== before) void this.#send();
    });
  }

  async #send(): Promise<void> {
    const outcome = await this.#parts.send();
    if (outcome.kind !== 'unknown') return;
    this.#sent = ''; // it got lost: say it again
    if (!this.#timer) this.#schedule(RETRY_MS);
  }
}
