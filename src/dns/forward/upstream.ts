import { Backoff } from '../../core/backoff.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Peer, Reactor } from '../../net/index.ts';
import type { DnsCounters, DnsTransport } from '../metrics.ts';
import { RCODE, TYPE } from '../wire/index.ts';
import { readAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import type { UpstreamsSettings } from './config.ts';
import { overUdp } from './exchange.ts';
import type { Exchanged, ExchangeParts } from './exchange.ts';
import { askedOf, requestBytes } from './question.ts';
import type { Asked } from './question.ts';
import { TcpConnections } from './tcp-connections.ts';

/** How long to remember that an upstream folds names, or does not read EDNS: it may be replaced by a better one. */
const REMEMBER_MS = 600_000;
const PROBE_TIMEOUT_MS = 2_000;
const PROBE_JITTER = 0.2;

export interface UpstreamParts {
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly counters: DnsCounters;
  readonly settings: UpstreamsSettings;
  readonly timeoutMs: number;
}

/** One resolver that we ask: what we know of it, and whether it answers. */
export class Upstream {
  readonly peer: Peer;
  /** `10.0.0.2:53` or `[2001:db8::1]:53`. */
  readonly name: string;
  /** For metrics: exchanges, those that brought nothing, and the time that replies took. */
  exchanges = 0;
  failures = 0;
  replySeconds = 0;
  replies = 0;
  readonly #parts: UpstreamParts;
  readonly #exchange: ExchangeParts;
  readonly #tcp: TcpConnections;
  readonly #backoff: Backoff;
  #failsInARow = 0;
  #down = false;
  #probe: Timer | undefined;
  #foldsUntilMs = -Infinity;
  #noEdnsUntilMs = -Infinity;
  #closed = false;

  constructor(parts: UpstreamParts, peer: Peer) {
    const { reactor, clock, random, counters, timeoutMs, settings } = parts;
    this.#parts = parts;
    this.peer = peer;
    this.name = peer.ip.includes(':') ? `[${peer.ip}]:${peer.port}` : `${peer.ip}:${peer.port}`;
    const onRejected = (): void => void counters.forwardRejected++;
    this.#exchange = { reactor, clock, random, timeoutMs, onRejected, underWay: new Set() };
    this.#tcp = new TcpConnections(this.#exchange, peer);
    const { probeMinMs, probeMaxMs } = settings.health;
    this.#backoff = new Backoff(random, {
      firstMs: probeMinMs,
      maxMs: Math.max(probeMinMs, probeMaxMs),
      jitter: PROBE_JITTER,
    });
  }

  /** It failed too often and did not answer since. */
  get down(): boolean {
    return this.#down;
  }

  get failsInARow(): number {
    return this.#failsInARow;
  }

  /**
   * Its answer, or undefined when none came that can be read. A reply over UDP that says there is more is fetched again over TCP; when that fails
   * the part that came is better than nothing.
   */
  async ask(asked: Asked, transport: DnsTransport): Promise<Answer | undefined> {
    const { clock, counters } = this.#parts;
    const begin = clock.monotonic();
    this.exchanges++;
    counters.forwarded++;
    const answer = await this.#answer(asked, transport);
    if (this.#closed) return undefined;
    if (answer) {
      this.replies++;
      this.replySeconds += (clock.monotonic() - begin) / 1000;
      this.#answered();
    } else {
      this.failures++;
      counters.forwardFailures++;
      this.#failed();
    }
    return answer;
  }

  /** Ask nothing any more; what is under way ends without an answer. */
  close(): void {
    this.#closed = true;
    this.#probe?.cancel();
    this.#tcp.close();
    for (const giveUp of this.#exchange.underWay) giveUp();
  }

  async #answer(asked: Asked, transport: DnsTransport): Promise<Answer | undefined> {
    const answer = await this.#once(asked, transport);
    if (!answer?.truncated || transport === 'tcp' || this.#closed) return answer;
    return (await this.#once(asked, 'tcp')) ?? answer;
  }

  /** One exchange, and a second one without EDNS for an upstream that does not read it. */
  async #once(asked: Asked, transport: DnsTransport): Promise<Answer | undefined> {
    const edns = this.#parts.clock.monotonic() >= this.#noEdnsUntilMs;
    const got = await this.#send(asked, transport, edns);
    const answer = got.kind === 'reply' ? readAnswer(got.bytes, asked) : undefined;
    const notUnderstood =
      got.kind === 'not-understood' || answer?.rcode === RCODE.FORMERR || answer?.rcode === RCODE.NOTIMP;
    if (!edns || !notUnderstood || this.#closed) return answer;
    const plain = await this.#send(asked, transport, false);
    const plainAnswer = plain.kind === 'reply' ? readAnswer(plain.bytes, asked) : undefined;
    if (plainAnswer && plainAnswer.kind !== 'failure')
      this.#noEdnsUntilMs = this.#parts.clock.monotonic() + REMEMBER_MS;
    return plainAnswer ?? answer;
  }

  #send(asked: Asked, transport: DnsTransport, edns: boolean): Promise<Exchanged> {
    const { clock, random, settings } = this.#parts;
    const randomCase = settings.case0x20 && clock.monotonic() >= this.#foldsUntilMs;
    const request = requestBytes(asked, random, { randomCase, edns });
    if (transport === 'tcp') return this.#tcp.ask(request);
    return overUdp(this.#exchange, request, this.peer, async () => {
      // Over TCP nobody else can say so: if the letters come back changed here too, it is the upstream's way.
      const again = requestBytes(asked, random, { randomCase, edns });
      const confirmed = await this.#tcp.ask(again);
      if (confirmed.kind === 'reply' && confirmed.folded)
        this.#foldsUntilMs = clock.monotonic() + REMEMBER_MS;
      return confirmed;
    });
  }

  #answered(): void {
    this.#failsInARow = 0;
    if (!this.#down) return;
    this.#down = false;
    this.#probe?.cancel();
    this.#parts.log.info({ upstream: this.name }, 'a resolver answers again');
  }

  #failed(): void {
    const { maxFails } = this.#parts.settings.health;
    this.#failsInARow++;
    if (this.#down || maxFails === 0 || this.#failsInARow < maxFails) return;
    this.#down = true;
    this.#backoff.reset();
    this.#parts.log.warn(
      { upstream: this.name, failures: this.#failsInARow },
      'a resolver does not answer; others are asked first until it does',
    );
    this.#probeLater();
  }

  #probeLater(): void {
    if (this.#closed) return;
    this.#probe = this.#parts.clock.after(this.#backoff.next(), () => void this.#probeNow());
  }

  /** Any reply at all means that it is back. */
  async #probeNow(): Promise<void> {
    const { random, settings, timeoutMs } = this.#parts;
    const asked = askedOf({
      name: settings.health.probeName.toLowerCase(),
      type: TYPE.NS,
      dnssecOk: false,
      checkingDisabled: false,
      recursionDesired: true,
    });
    const request = requestBytes(asked, random, { randomCase: false, edns: false });
    const parts = { ...this.#exchange, timeoutMs: Math.min(timeoutMs, PROBE_TIMEOUT_MS) };
    const got = await overUdp(parts, request, this.peer, async () => ({ kind: 'none' }));
    if (!this.#down || this.#closed) return;
    if (got.kind === 'none') this.#probeLater();
    else this.#answered();
  }
}
