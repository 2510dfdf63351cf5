/**
 * The DNS server by the figures that it is built for, beside Knot, NSD and a C echo server:
 *
 *     npm run bench:dns                    all figures; writes the section "DNS" of bench/RESULTS.md
 *     npm run bench:dns -- saturated       only these; prints
 *     npm run bench:dns -- --rounds 3 --seconds 2 saturated unsaturated
 *
 * Linux with at least two cores, quiet otherwise. Needs taskset and dnsperf; peers that are missing are left out by name.
 */
import { changes } from './figures/changes.ts';
import { memory } from './figures/memory.ts';
import { overload } from './figures/overload.ts';
import { refresh } from './figures/refresh.ts';
import { saturated } from './figures/saturated.ts';
import { snapshot } from './figures/snapshot.ts';
import { unsaturated } from './figures/unsaturated.ts';
import { workers } from './figures/workers.ts';
import { missing, versions } from './peers.ts';
import { runBench } from '../support/run.ts';

await runBench({
  head: '## DNS',
  figures: [saturated, unsaturated, workers, refresh, snapshot, changes, memory, overload],
  needed: ['taskset', 'dnsperf'],
  versions: versions(),
  missing,
  about:
    'Ours is a whole `rimrock edge` that follows a master; in brackets its CPU time by thread. Servers on core 0, load on core 1, 60 % A, 30 % SRV, 10 % NXDOMAIN, driven by dnsperf; each round meets all servers in a random order, ratios are medians over rounds. Where a server is busy for less than 90 %, the load was the limit and not the server. Latencies are those of a C client at real-time priority.',
});
