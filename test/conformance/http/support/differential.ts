import { startEdge } from './edge.ts';
import type { EdgeUnderTest, Engine } from './edge.ts';
import { PROXIES, startProxy } from './proxies.ts';
import type { Proxy, ProxyName } from './proxies.ts';
import { converse, readAnswers } from './raw.ts';
import { Recorder } from './recorder.ts';
import type { Recorded } from './recorder.ts';
import { missing } from './tools.ts';

/** How long silence is the end of a conversation: at first, and where servers disagree, for the machine may have been busy. */
const QUIET_MS = 120;
const PATIENT_MS = [1_000, 3_000];
/** A request with nothing wrong about it that has no answer by then gets none. */
const LOST_MS = 20_000;
/** After so many findings nobody reads on. */
const ENOUGH = 20;

/** What a client got in one conversation. */
export interface Said {
  /** Of each answer, with blanks between them. */
  readonly statuses: string;
  /** What must not be: answers that are not to what this server has seen, requests that nobody sent. */
  wrong(seen: readonly Recorded[]): string[];
}

/** One conversation with the edge about the server with this host name. */
export interface Conversation {
  /** For people. */
  readonly text: string;
  hold(port: number, host: string, quietMs: number): Promise<Said>;
}

interface Reading {
  readonly requests: readonly string[];
  readonly statuses: string;
  readonly wrong: readonly string[];
}

interface Origin {
  readonly name: ProxyName;
  readonly host: string;
  readonly proxy: Proxy;
  readonly recorder: Recorder;
}

export interface Outcome {
  /** Conversations of which something was let through, and the requests in them. */
  readonly passed: number;
  readonly requests: number;
  readonly findings: readonly string[];
  /** Servers that refused alone what others took. */
  readonly refusedBy: ReadonlyMap<ProxyName, number>;
}

/** The servers that are here, and what to add to the name of a test about those that are not. */
export const installed = PROXIES.filter((name) => missing(name).length === 0);
const lacking = PROXIES.filter((name) => !installed.includes(name));
export const needs = lacking.length > 0 ? ` (without ${lacking.join(', ')})` : '';

/** Spelling that proxies may change without changing what is asked for. */
export function normal({ method, url, host, body }: Recorded): string {
  // Caddy writes characters that no path should have in their encoded form, lighttpd leaves out the default port and the
  // dot behind a name, apache2 all slashes but one at the beginning.
  const path = url
    .replace(/^\/+/, '/')
    .replace(/[<>{}|^`"[\]\\]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
    .replace(/%[0-9a-f]{2}/gi, (hex) => hex.toUpperCase());
  return JSON.stringify([
    method,
    path,
    host.toLowerCase().replace(/:80$/, '').replace(/\.$/, ''),
    body,
  ]).replace(/o[0-4]\b/gi, 'o');
}

/** Servers of others behind one edge, each with somebody behind it who writes down what it has read. */
export class Differential {
  readonly edge: EdgeUnderTest;
  readonly #origins: readonly Origin[];

  private constructor(edge: EdgeUnderTest, origins: readonly Origin[]) {
    this.edge = edge;
    this.#origins = origins;
  }

  static async start(engine: Engine): Promise<Differential> {
    const origins: Origin[] = [];
    for (const [i, name] of installed.entries()) {
      const recorder = new Recorder();
      const proxy = await startProxy(name, await recorder.listen());
      origins.push({ name, host: `o${i}.test`, proxy, recorder });
    }
    const edge = await startEdge({
      engine,
      services: Object.fromEntries(origins.map((o) => [o.host, [`127.0.0.1:${o.proxy.port}`]])),
    });
    return new Differential(edge, origins);
  }

  async close(): Promise<void> {
    await this.edge.close();
    for (const { proxy, recorder } of this.#origins) {
      await proxy.close();
      recorder.close();
    }
  }

  /** Hold `count` conversations, each with all servers, and compare what these read. */
  async run(count: number, conversation: (n: number) => Conversation): Promise<Outcome> {
    const findings: string[] = [];
    const refusedBy = new Map<ProxyName, number>();
    let passed = 0;
    let requests = 0;
    for (let n = 0; n < count && findings.length < ENOUGH; n++) {
      const held = conversation(n);
      const readings = await this.#settled(held);
      const different = this.#disagreement(readings);
      const by = different === undefined ? [] : explained(readings);
      if (by === undefined)
        findings.push(`${n} ${held.text}\n${different}\n${this.#told(readings).join('\n')}`);
      for (const i of by ?? []) {
        const { name } = this.#origins[i] as Origin;
        refusedBy.set(name, (refusedBy.get(name) ?? 0) + 1);
      }
      const most = Math.max(...readings.map((r) => r.requests.length));
      if (most > 0) passed += 1;
      requests += most;
    }
    return { passed, requests, findings, refusedBy };
  }

  /** Only what stays different, and is no refusal, is different. */
  async #settled(held: Conversation): Promise<Reading[]> {
    let readings = await this.#readAll(held, QUIET_MS);
    for (const quietMs of PATIENT_MS)
      if (this.#disagreement(readings) !== undefined && explained(readings) === undefined)
        readings = await this.#readAll(held, quietMs);
    return readings;
  }

  #readAll(held: Conversation, quietMs: number): Promise<Reading[]> {
    return Promise.all(this.#origins.map((origin) => this.#read(held, origin, quietMs)));
  }

  async #read(held: Conversation, { recorder, host }: Origin, quietMs: number): Promise<Reading> {
    recorder.seen.length = 0;
    const said = await held.hold(this.edge.port, host, quietMs);
    const seen = recorder.seen.slice();
    const wrong = said.wrong(seen);
    const probe = `GET /probe HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const after = readAnswers((await converse(this.edge.port, probe, { quietMs: LOST_MS })).text);
    if (after.length !== 1 || after[0]?.body !== 'GET /probe')
      wrong.push(`the next client got ${after.map((a) => `${a.status} ${a.body}`).join(' and ')}`);
    // Streams of HTTP/2 go side by side, so servers may see them in any order; out of step is told by `wrong`.
    return { requests: seen.map(normal).sort(), statuses: said.statuses, wrong };
  }

  #disagreement(readings: readonly Reading[]): string | undefined {
    const bad = readings.flatMap((r, i) => r.wrong.map((w) => `${this.#origins[i]?.name}: ${w}`));
    if (bad.length > 0) return bad.join('; ');
    const kinds = new Set(readings.map((r) => r.requests.join('\n')));
    return kinds.size > 1 ? 'they read different requests' : undefined;
  }

  #told(readings: readonly Reading[]): string[] {
    return readings.map(
      (r, i) => `${this.#origins[i]?.name}: ${r.statuses} ${r.requests.join(' ')} ${r.wrong.join('; ')}`,
    );
  }
}

/** A server may refuse what others take (its own 4xx or 5xx): those that do, if nothing else is different. */
function explained(readings: readonly Reading[]): number[] | undefined {
  if (readings.some((r) => r.wrong.length > 0)) return undefined;
  const most = readings.reduce((a, b) => (b.requests.length > a.requests.length ? b : a));
  const fewer: number[] = [];
  for (const [i, r] of readings.entries()) {
    if (r.requests.join('\n') === most.requests.join('\n')) continue;
    let at = 0;
    for (const one of most.requests) if (one === r.requests[at]) at += 1;
    const refusals = r.statuses.split(' ').filter((s) => /^[45]/.test(s)).length;
    const others = most.statuses.split(' ').filter((s) => /^[45]/.test(s)).length;
    if (at !== r.requests.length || refusals <= others) return undefined;
    fewer.push(i);
  }
  return fewer;
}
