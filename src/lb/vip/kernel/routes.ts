import type { RunCommand } from '../../../net/index.ts';

/** By this number of ours in the `protocol` of a route (ip-route(8)) our routes are told from those of others. */
const PROTOCOL = '182';
/** One of somebody else for the same addresses has a smaller metric, and is used. */
const METRIC = '4096';

/**
 * Routes for the ranges of VIPs, so that programs of this host can connect to them where no default route says so: the way is changed
 * when the address has been translated. They lead to `lo`, where nothing comes that was not refused before. What comes from containers
 * and from other hosts is translated before a route is looked for.
 */
export class VipRoutes {
  readonly #run: RunCommand;
  readonly #cidrs: readonly string[];

  constructor(run: RunCommand, cidrs: readonly string[]) {
    this.#run = run;
    this.#cidrs = cidrs;
  }

  /** Add what is missing, take away what is left of other settings. How many were wrong, and what could not be done. */
  async repair(): Promise<{ readonly repaired: number; readonly problems: string[] }> {
    const problems: string[] = [];
    let repaired = 0;
    for (const family of ['-4', '-6'] as const) {
      const wanted = new Set(this.#cidrs.filter((cidr) => cidr.includes(':') === (family === '-6')));
      const found = await this.#found(family);
      for (const cidr of new Set([...wanted, ...found])) {
        if (wanted.has(cidr) && found.has(cidr)) continue;
        const { ok, problem } = await this.#run(command(family, wanted.has(cidr) ? 'add' : 'del', cidr));
        if (ok) repaired++;
        else problems.push(`route ${cidr}: ${problem}`);
      }
    }
    return { repaired, problems };
  }

  async remove(): Promise<void> {
    for (const family of ['-4', '-6'] as const)
      for (const cidr of await this.#found(family)) await this.#run(command(family, 'del', cidr));
  }

  async #found(family: '-4' | '-6'): Promise<Set<string>> {
    const command = ['ip', '-j', family, 'route', 'show', 'table', 'all', 'protocol', PROTOCOL];
    const { ok, stdout } = await this.#run(command);
    if (!ok) return new Set();
    const routes = JSON.parse(stdout.trim() || '[]') as { readonly dst?: string }[];
    const full = family === '-4' ? '/32' : '/128';
    return new Set(
      routes.flatMap(({ dst }) => (dst === undefined ? [] : [dst.includes('/') ? dst : dst + full])),
    );
  }
}

/** In IPv6 a route to `lo` has to be one to local addresses: it would be taken as one that refuses. */
function command(family: '-4' | '-6', verb: 'add' | 'del', cidr: string): string[] {
  const route = ['dev', 'lo', 'protocol', PROTOCOL, 'metric', METRIC];
  return ['ip', family, 'route', verb, ...(family === '-6' ? ['local'] : []), cidr, ...route];
}
