import { atMost } from '../../support/figure.ts';
import type { Figure } from '../../support/figure.ts';
import { Rounds } from '../../support/rounds.ts';
import { wrk } from '../load.ts';
import { startCaddy, startHaproxy, startHttpProxy, startNginx } from '../peers.ts';
import type { Proxy } from '../peers.ts';
import { HOST, WARM_UP_SECONDS, onStage } from '../stage.ts';
import { FAST } from './requests.ts';

/** 1 KiB answers over 64 connections that stay open; both of our engines, and all peers. */
export const keepAlive: Figure = {
  name: 'keep-alive',
  run: ({ rounds, seconds }) =>
    onStage(async (stage) => {
      const proxies: Proxy[] = [
        await stage.edge({}, { engine: 'linux' }),
        await stage.edge({}, { engine: 'portable' }),
        ...(await stage.peers(startNginx, startHaproxy, startHttpProxy, startCaddy)),
      ];
      const results = await Rounds.run(proxies, {
        rounds,
        seconds,
        warmUpSeconds: WARM_UP_SECONDS,
        unit: ['request', 'requests'],
        drive: ({ ports }, time) =>
          wrk({ url: `http://127.0.0.1:${ports.http}`, host: HOST, path: '/1k', seconds: time }),
      });
      const what = 'CPU per request, 1 KiB, keep-alive';
      const [linux, portable] = ['rimrock (linux)', 'rimrock (portable)'];
      const us = ` (${results.median(linux, 'usEach').toFixed(1)} µs)`;
      return {
        findings: [
          atMost(what, results.ratioToBest(linux, FAST), 1.1, ' × the better of nginx and haproxy', us),
          atMost(what, results.ratio(linux, 'http-proxy'), 0.2, ' × http-proxy', us),
          atMost(what, results.ratio(linux, 'caddy'), 0.2, ' × caddy', us),
          {
            what: 'the same, portable engine',
            goal: '',
            measured: `${results.ratioToBest(portable, FAST).toFixed(2)} × the better of nginx and haproxy`,
            reached: undefined,
          },
        ],
        details: [
          '1 KiB answers, 64 keep-alive connections:',
          results.table([...FAST, 'http-proxy', 'caddy']),
        ],
      };
    }),
};
