/**
 * The load balancer by the figures that it is built for, beside nginx, haproxy, caddy and http-proxy:
 *
 *     npm run bench:http                     all figures; writes the section "HTTP" of bench/RESULTS.md
 *     npm run bench:http -- keep-alive       only these; prints
 *     npm run bench:http -- --rounds 3 --seconds 2 keep-alive
 *
 * Linux with at least two cores, quiet otherwise. Needs taskset, wrk and gcc; peers that are missing are left out by name, and so
 * is what our configuration does not know yet.
 */
import { runBench } from '../support/run.ts';
import { changes } from './figures/changes.ts';
import { idle } from './figures/idle.ts';
import { keepAlive } from './figures/keep-alive.ts';
import { latency } from './figures/latency.ts';
import { http2, tcpLarge, tcpSmall, tlsHandshakes, tlsKeepAlive } from './figures/protocols.ts';
import { largeBodies, newConnections, posts } from './figures/requests.ts';
import { endpoints, routes } from './figures/size.ts';
import { notYet } from './features.ts';
import { missing, versions } from './peers.ts';
import { INSTANCES, ROUTES } from './stage.ts';

const absent = notYet('accessLog', 'tls', 'http2', 'tcp');

await runBench({
  head: '## HTTP',
  figures: [
    keepAlive,
    largeBodies,
    posts,
    newConnections,
    tlsKeepAlive,
    tlsHandshakes,
    http2,
    tcpSmall,
    tcpLarge,
    latency,
    routes,
    endpoints,
    idle,
    changes,
  ],
  needed: ['taskset', 'wrk', 'gcc'],
  versions: versions(),
  missing,
  about: `Ours is a whole \`rimrock edge\` that follows a master, with ${ROUTES.toLocaleString('en')} routes, metrics, health checks and an access log of 1 % of the requests; in brackets its CPU time by thread, most of which is the plane's (\`lb-\`). The others do nothing but forward, without logs. Servers on core 0 with one thread for traffic each, load and origin on core 1; the origin is a C program at ${INSTANCES} addresses, the load is wrk, h2load or a C client. Each round meets all servers in a random order; ratios are medians over rounds, and "the better" is chosen in each. \`busy\` is the share of its core that a server took: below 90 % the load was the limit and not the server, of which \`load busy\` tells.${absent.length > 0 ? ` Not there yet: ${absent.join(', ')}.` : ''}`,
});
