import type { Vip } from '../../../cluster/vips/index.ts';
import { serversOf } from './servers.ts';
import type { VirtualServer } from './servers.ts';

/** A VIP that cannot be had at one of its addresses, because another one is there. */
export interface Clash {
  readonly server: VirtualServer;
  readonly other: VirtualServer;
}

/**
 * All servers as they should be, kept up to date by VIPs that changed. An address in a label may be the one that a name got: then
 * the name has it, whichever came first, so that the same catalog always means the same servers.
 */
export class WantedServers {
  readonly #byVip = new Map<string, readonly VirtualServer[]>();
  readonly #claims = new Map<string, Map<string, VirtualServer>>();
  readonly #clashes = new Set<string>();

  /** What has come of a VIP: the keys of servers that this may have changed. */
  set(vipKey: string, vip: Vip | undefined): Set<string> {
    const before = this.#byVip.get(vipKey) ?? [];
    const after = vip ? serversOf(vip) : [];
    const touched = new Set<string>();
    for (const { key } of before) {
      touched.add(key);
      const claims = this.#claims.get(key);
      claims?.delete(vipKey);
      if (claims?.size === 0) this.#claims.delete(key);
    }
    for (const server of after) {
      touched.add(server.key);
      const claims = this.#claims.get(server.key) ?? new Map<string, VirtualServer>();
      this.#claims.set(server.key, claims.set(vipKey, server));
    }
    if (after.length > 0) this.#byVip.set(vipKey, after);
    else this.#byVip.delete(vipKey);
    for (const key of touched) {
      if ((this.#claims.get(key)?.size ?? 0) > 1) this.#clashes.add(key);
      else this.#clashes.delete(key);
    }
    return touched;
  }

  /** The server of this key, as it should be. */
  get(key: string): VirtualServer | undefined {
    let best: { readonly vipKey: string; readonly server: VirtualServer } | undefined;
    for (const [vipKey, server] of this.#claims.get(key) ?? []) {
      const named = server.name !== undefined;
      const bestNamed = best?.server.name !== undefined;
      if (best && (named === bestNamed ? best.vipKey < vipKey : bestNamed)) continue;
      best = { vipKey, server };
    }
    return best?.server;
  }

  *[Symbol.iterator](): Generator<VirtualServer> {
    for (const key of this.#claims.keys()) yield this.get(key) as VirtualServer;
  }

  /** Those that had to give way. */
  *clashes(): Generator<Clash> {
    for (const key of this.#clashes) {
      const other = this.get(key) as VirtualServer;
      for (const server of this.#claims.get(key)?.values() ?? [])
        if (server !== other) yield { server, other };
    }
  }
}
