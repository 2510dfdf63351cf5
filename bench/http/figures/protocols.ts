import { atMost } from '../../support/figure.ts';
import type { Figure, FigureResult } from '../../support/figure.ts';
import { Rounds } from '../../support/rounds.ts';
import type { Driven } from '../../support/rounds.ts';
import { freePorts } from '../../../test/support/free-ports.ts';
import { bothInOne } from '../certificate.ts';
import { BENCH_CA } from '../edge.ts';
import { canSpeakTls, handshakes, requestsOverTls } from '../client.ts';
import { features, notYet } from '../features.ts';
import type { Feature } from '../features.ts';
import { h2load, wrk } from '../load.ts';
import { startHaproxy, startNginx } from '../peers.ts';
import type { Proxy, Spoken } from '../peers.ts';
import { HOST, WARM_UP_SECONDS, onStage } from '../stage.ts';
import { FAST, OURS } from './requests.ts';

interface Protocol {
  readonly name: string;
  readonly what: string;
  /** What is counted: one, and many of them. */
  readonly unit?: readonly [one: string, many: string];
  readonly most: number;
  readonly needs: Feature;
  readonly spoken: Spoken;
  readonly drive: (port: number, seconds: number) => Promise<Driven>;
  /** Clients show a certificate. */
  readonly mutual?: boolean;
  /** Why it cannot be measured here. */
  readonly hindered?: () => string | undefined;
}

/** A figure about something that is spoken on a port of its own, beside nginx and haproxy. */
const protocol = (parts: Protocol): Figure => ({
  name: parts.name,
  run: async ({ rounds, seconds }) => {
    const { what, most, needs, spoken, drive, unit = ['request', 'requests'], mutual, hindered } = parts;
    const bases = ' × the better of nginx and haproxy';
    const missing = features[needs] ? hindered?.() : `not there yet: ${notYet(needs).join()}`;
    const line = `CPU per ${unit[0]}, ${what}`;
    if (missing !== undefined) return without(line, `≤ ${most}${bases}`, missing);
    return onStage(async (stage) => {
      const [tcpPort = 0] = await freePorts(1);
      const labels = labelsFor(parts, tcpPort);
      const settings = spoken === 'tcp' ? { tcpPort } : {};
      const edge = await stage.edge(labels && { labels }, settings);
      const proxies = [
        edge,
        ...(await stage.peers(
          (upstreams) => startNginx(upstreams, mutual),
          (upstreams) => startHaproxy(upstreams, mutual),
        )),
      ];
      const results = await Rounds.run(
        proxies.filter(({ ports }) => ports[spoken] !== undefined),
        {
          rounds,
          seconds,
          warmUpSeconds: WARM_UP_SECONDS,
          unit,
          drive: ({ ports }: Proxy, time) => drive(ports[spoken] ?? 0, time),
        },
      );
      const us = ` (${results.median(OURS, 'usEach').toFixed(1)} µs)`;
      return {
        findings: [atMost(line, results.ratioToBest(OURS, FAST), most, bases, us)],
        details: [`${what}:`, results.table(FAST)],
      };
    });
  },
});

/** Of a route of its own: what asks for certificates is not served in the clear. */
const MUTUAL_HOST = 'mutual.test';

/** What the app asks for in this protocol; undefined: nothing but HTTP. */
function labelsFor({ spoken, mutual }: Protocol, tcpPort: number): Record<string, string> | undefined {
  if (mutual)
    return {
      'rimrock.http.mutual.host': MUTUAL_HOST,
      'rimrock.http.mutual.tls.clientAuth': 'require',
      'rimrock.http.mutual.tls.clientCa': BENCH_CA,
    };
  return spoken === 'tcp' ? { 'rimrock.tcp.raw.listeners': `port:${tcpPort}` } : undefined;
}

const without = (what: string, goal: string, measured: string): FigureResult => ({
  findings: [{ what, goal, measured, reached: undefined }],
  details: [],
});

const noHeaders = (): string | undefined =>
  canSpeakTls() ? undefined : 'not measured: no headers of OpenSSL';

export const tlsKeepAlive = protocol({
  name: 'tls',
  what: '1 KiB over TLS 1.3, 64 keep-alive connections',
  most: 1.15,
  needs: 'tls',
  spoken: 'https',
  drive: (port, seconds) => wrk({ url: `https://127.0.0.1:${port}`, host: HOST, path: '/1k', seconds }),
});

export const tlsHandshakes = protocol({
  name: 'handshakes',
  what: 'full, TLS 1.3 with P-256, with one request and its connection',
  unit: ['handshake', 'handshakes'],
  most: 1.25,
  needs: 'tls',
  spoken: 'https',
  hindered: noHeaders,
  async drive(port, seconds) {
    const completed = await handshakes({ port, host: HOST, seconds, connections: 8 });
    return { completed, perSecond: completed / seconds, lost: 0, worstMs: Number.NaN };
  },
});

export const mutualHandshakes = protocol({
  name: 'mutual-handshakes',
  what: 'full and mutual, TLS 1.3 with P-256, with one request and its connection',
  unit: ['handshake', 'handshakes'],
  most: 1.25,
  needs: 'tls',
  spoken: 'https',
  mutual: true,
  hindered: noHeaders,
  async drive(port, seconds) {
    const load = { port, host: MUTUAL_HOST, seconds, connections: 8, shown: bothInOne() };
    const completed = await handshakes(load);
    return { completed, perSecond: completed / seconds, lost: 0, worstMs: Number.NaN };
  },
});

export const mutualKeepAlive = protocol({
  name: 'mutual-tls',
  what: '1 KiB over mutual TLS 1.3, 16 connections that are kept',
  most: 1.15,
  needs: 'tls',
  spoken: 'https',
  mutual: true,
  hindered: noHeaders,
  async drive(port, seconds) {
    const load = { port, host: MUTUAL_HOST, seconds, connections: 16, shown: bothInOne() };
    const completed = await requestsOverTls(load);
    return { completed, perSecond: completed / seconds, lost: 0, worstMs: Number.NaN };
  },
});

export const http2 = protocol({
  name: 'http2',
  what: '1 KiB over HTTP/2 in the clear, 100 streams on each of 4 connections',
  most: 1.5,
  needs: 'http2',
  spoken: 'h2c',
  drive: (port, seconds) =>
    h2load({ url: `http://127.0.0.1:${port}`, host: HOST, path: '/1k', seconds, streams: 100 }),
});

const tcp = (name: string, path: '/1k' | '/64k', what: string, most: number): Figure =>
  protocol({
    name,
    what,
    most,
    needs: 'tcp',
    spoken: 'tcp',
    drive: (port, seconds) => wrk({ url: `http://127.0.0.1:${port}`, host: HOST, path, seconds }),
  });

export const tcpSmall = tcp('tcp', '/1k', '1 KiB through a TCP route, 64 connections', 1.1);
export const tcpLarge = tcp('tcp-large', '/64k', '64 KiB through a TCP route, 64 connections', 0.7);
