import type { Clock, Timer } from '../../core/clock.ts';
import type { Label } from '../../mesos/index.ts';
import type { App } from './apps/app.ts';
import { discoveryName } from './apps/paths.ts';
import type { AppRegistry } from './apps/registry.ts';

const DEBOUNCE_MS = 100;

/**
 * The labels by which the framework declares its services, so that whoever watches the master (the edge) can tell an
 * app scaled to nothing from one that is gone: `rimrock.declares` = `services`, and one `rimrock.service` per app with
 * its name, its routing labels and its ports as JSON.
 */
export function serviceLabels(apps: readonly App[]): Label[] {
  return [
    { key: 'rimrock.declares', value: 'services' },
    ...apps.map((app) => ({ key: 'rimrock.service', value: JSON.stringify(declaration(app)) })),
  ];
}

function declaration(app: App): unknown {
  return {
    name: discoveryName(app.id),
    labels: Object.fromEntries(
      Object.entries(app.labels).filter(([key]) => key.startsWith('HAPROXY_') || key.startsWith('rimrock.')),
    ),
    ports: app.portDefinitions.map(({ name, protocol }) => ({
      ...(name === undefined ? {} : { name }),
      protocol,
    })),
  };
}

/** Sends the declaration when it has changed, at most every 100 ms. */
export class ServiceDeclarations {
  readonly #parts: {
    readonly registry: AppRegistry;
    readonly clock: Clock;
    readonly send: (labels: readonly Label[]) => void;
  };
  #revision = -1;
  #sent = '';
  #timer: Timer | undefined;

  constructor(parts: {
    readonly registry: AppRegistry;
    readonly clock: Clock;
    readonly send: (labels: readonly Label[]) => void;
  }) {
    this.#parts = parts;
  }

  /** The labels to subscribe with; they count as sent. */
  current(): readonly Label[] {
    this.#revision = this.#parts.registry.revision;
    const labels = serviceLabels(this.#parts.registry.all());
    this.#sent = JSON.stringify(labels);
    return labels;
  }

  /** To be called whenever apps may have changed; cheap when they have not. */
  check(): void {
    if (this.#revision === this.#parts.registry.revision || this.#timer) return;
    this.#timer = this.#parts.clock.after(DEBOUNCE_MS, () => {
      this.#timer = undefined;
      const before = this.#sent;
      const labels = this.current();
      if (this.#sent !== before) this.#parts.send(labels);
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
