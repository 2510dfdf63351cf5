import type { Random } from '../../../core/random.ts';
import { Http2Client, Http2Context } from '../../http2/index.ts';
import type { Probe } from './probe.ts';
import type { ProbeParts } from './reactor-probes.ts';

export interface Http2ProbeParts extends ProbeParts {
  readonly random: Random;
}

/**
 * A probe that speaks HTTP/1.1, carried over HTTP/2 with prior knowledge. Each check has a connection of its own: one that was
 * there before says nothing of whether the instance takes new ones.
 */
export function overHttp2(parts: Http2ProbeParts, probeOf: (parts: ProbeParts) => Probe): Probe {
  const { clock, random, reactor } = parts;
  const context = new Http2Context({ clock, random, defer: (f) => setImmediate(f) });
  return (to, policy, done) => {
    const client = new Http2Client(context, reactor);
    const cancel = probeOf({ ...parts, reactor: client })(to, policy, (result) => {
      client.close();
      done(result);
    });
    return () => {
      cancel();
      client.close();
    };
  };
}
