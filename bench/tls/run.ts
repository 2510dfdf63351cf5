/**
 * What identities cost, mutual TLS beside nginx and haproxy:
 *
 *     npm run bench:tls                  all figures; writes the section "TLS" of bench/RESULTS.md
 *     npm run bench:tls -- issuing       only these; prints
 *
 * Linux with at least two cores, quiet otherwise. Needs taskset, gcc and the headers of OpenSSL.
 */
import { mutualHandshakes, mutualKeepAlive } from '../http/figures/protocols.ts';
import { missing, versions } from '../http/peers.ts';
import { runBench } from '../support/run.ts';
import { guardHandshakes, guardRequests } from './guard.ts';
import { issuing } from './issue.ts';

await runBench({
  head: '## TLS',
  figures: [issuing, mutualHandshakes, mutualKeepAlive, guardHandshakes, guardRequests],
  needed: ['taskset', 'gcc'],
  versions: versions(),
  missing,
  about:
    'Handshakes as in "HTTP": a whole `rimrock edge` with 1,000 routes beside peers that do nothing but forward, servers on core 0, the client on core 1. Both sides show certificates with P-256 keys, the same at all servers; the client is verified, and each handshake carries one request on a connection of its own. Guards: the mesh of an agent before one task, beside nginx (stream) and haproxy (tcp) with the same certificates.',
});
