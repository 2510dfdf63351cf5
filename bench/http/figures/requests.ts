import { atMost } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { Rounds } from '../../support/rounds.ts';
import { wrk } from '../load.ts';
import type { Load } from '../load.ts';
import { startHaproxy, startNginx } from '../peers.ts';
import { HOST, WARM_UP_SECONDS, onStage } from '../stage.ts';

export const FAST = ['nginx', 'haproxy'];
export const OURS = 'rimrock (linux)';

interface Kind {
  readonly name: string;
  readonly what: string;
  readonly most: number;
  readonly request: Pick<Load, 'path' | 'postBytes' | 'newConnections'>;
}

/** A figure about one kind of request over plain HTTP/1.1, beside nginx and haproxy. */
const requests = ({ name, what, most, request }: Kind): Figure => ({
  name,
  run: ({ rounds, seconds }) =>
    onStage(async (stage) => {
      const proxies = [await stage.edge(), ...(await stage.peers(startNginx, startHaproxy))];
      const results = await Rounds.run(proxies, {
        rounds,
        seconds,
        warmUpSeconds: WARM_UP_SECONDS,
        unit: ['request', 'requests'],
        drive: ({ ports }, time) =>
          wrk({ url: `http://127.0.0.1:${ports.http}`, host: HOST, seconds: time, ...request }),
      });
      const us = ` (${results.median(OURS, 'usEach').toFixed(1)} µs)`;
      const ratio = results.ratioToBest(OURS, FAST);
      return {
        findings: [atMost(`CPU per request, ${what}`, ratio, most, ' × the better of nginx and haproxy', us)],
        details: [`${what}, 64 connections:`, results.table(FAST)],
      };
    }),
});

export const largeBodies = requests({
  name: 'large',
  what: '64 KiB answers',
  most: 1.2,
  request: { path: '/64k' },
});
export const posts = requests({
  name: 'post',
  what: 'POST of 10 KiB',
  most: 1.2,
  request: { path: '/1k', postBytes: 10_240 },
});
export const newConnections = requests({
  name: 'new-connections',
  what: 'a new connection for each',
  most: 1.2,
  request: { path: '/1k', newConnections: true },
});
