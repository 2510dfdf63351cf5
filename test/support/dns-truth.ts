import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { pause } from './eventually.ts';

export interface DnsTruth {
  /** Questions that were answered with at least one record. */
  readonly answered: number;
  /** The longest that DNS went on naming an endpoint that had been seen alive and then was dead. */
  readonly longestDeadMs: number;
  /** Every endpoint that was named for longer than allowed after its death. */
  readonly lies: readonly string[];
}

/**
 * Ask for an SRV record again and again, and try each endpoint that is named. What refuses connections after it has
 * taken one is dead; DNS may name it for `allowedMs` more, not longer. The judge needs nothing but sockets.
 */
export function watchDnsTruth(options: {
  readonly port: number;
  readonly name: string;
  readonly allowedMs: number;
}): { stop(): Promise<DnsTruth> } {
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${options.port}`]);
  const seenAlive = new Set<string>();
  const deadSince = new Map<string, number>();
  const lies: string[] = [];
  let answered = 0;
  let longestDeadMs = 0;
  const stopped = new AbortController();

  const look = async (): Promise<void> => {
    const records = await resolver.resolveSrv(options.name).catch(() => []);
    if (records.length > 0) answered++;
    const named = new Set(records.map((r) => `${r.name}:${r.port}`));
    for (const key of deadSince.keys()) if (!named.has(key)) deadSince.delete(key);
    await Promise.all(
      records.map(async ({ name, port }) => {
        const key = `${name}:${port}`;
        if (await accepts(port)) {
          seenAlive.add(key);
          deadSince.delete(key);
          return;
        }
        if (!seenAlive.has(key)) return;
        const since = deadSince.get(key) ?? performance.now();
        deadSince.set(key, since);
        const ms = performance.now() - since;
        longestDeadMs = Math.max(longestDeadMs, ms);
        if (ms > options.allowedMs) lies.push(`${key} was named ${ms.toFixed(0)} ms after its death`);
      }),
    );
  };

  const run = (async () => {
    while (!stopped.signal.aborted) {
      await look();
      await pause(50);
    }
  })();

  return {
    async stop() {
      stopped.abort();
      await run;
      return { answered, longestDeadMs, lies };
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const settle = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
