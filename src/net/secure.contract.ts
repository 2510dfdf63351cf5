import { afterEach, beforeEach, describe } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { badClients } from './secure-bad-clients.contract.ts';
import { SecureBench } from './testing/secure-bench.ts';
import { clients, load, resumption } from './secure-clients.contract.ts';
import { identities } from './secure-identities.contract.ts';
import { servers } from './secure-servers.contract.ts';
import type { Reactor } from './types.ts';

/** What every engine promises of TLS (see types.ts), with Node's own at the other end, or a second end of the engine. */
export function runSecureContract(name: string, make: () => { reactor: Reactor; clock: Clock }): void {
  describe(`${name}, TLS`, () => {
    let t: SecureBench;
    beforeEach(() => {
      const { reactor, clock } = make();
      t = new SecureBench(reactor, clock);
    });
    afterEach(() => t.clean());
    const bench = (): SecureBench => t;
    servers(bench);
    badClients(bench);
    resumption(bench);
    clients(bench);
    identities(bench);
    load(bench);
  });
}
