import type { PlaneUpdate } from '../plane/messages.ts';
import type { Problem, Route } from '../router/index.ts';
import { PUBLIC_NAME } from './config.ts';
import type { AcmeConfig } from './config.ts';

/** Which names get certificates: those of the configuration, and the hosts of rules that ask. */
export class WantedNames {
  readonly #config: Pick<AcmeConfig, 'names' | 'routes' | 'mostNames'>;
  readonly #asking = new Map<string, Route>();

  constructor(config: Pick<AcmeConfig, 'names' | 'routes' | 'mostNames'>) {
    this.#config = config;
  }

  /** Returns whether that may have changed anything. */
  follow({ gone, come }: PlaneUpdate['routes']): boolean {
    let changed = false;
    for (const id of gone) if (this.#asking.delete(id)) changed = true;
    for (const route of come) {
      if (route.tls?.acme !== true) continue;
      this.#asking.set(route.id, route);
      changed = true;
    }
    return changed;
  }

  get names(): ReadonlySet<string> {
    const names = new Set(this.#config.names);
    const most = names.size + this.#config.mostNames;
    if (!this.#config.routes) return names;
    for (const { host } of this.#asking.values())
      if (names.size < most && PUBLIC_NAME.test(host)) names.add(host);
    return names;
  }

  /** Rules that ask for what they do not get. */
  problems(): Problem[] {
    const names = this.names;
    const problems = new Map<string, Problem>();
    for (const { host, serviceKey, source } of this.#asking.values()) {
      if (names.has(host)) continue;
      const label = source.find((text) => /\.tls(?:\.mode)?$/.test(text)) ?? source[0] ?? '';
      problems.set(`${serviceKey} ${host}`, { serviceKey, label, reason: this.#reason(host) });
    }
    return [...problems.values()];
  }

  #reason(host: string): string {
    if (!this.#config.routes)
      return `no certificate for ${host} is asked for: lb.acme.routes of this load balancer is off`;
    if (!PUBLIC_NAME.test(host))
      return `there is no public certificate for '${host}': write host names such as www.example.org, without *`;
    return `no certificate for ${host} is asked for: rules want more than ${this.#config.mostNames} (lb.acme.mostNames)`;
  }
}
