import { Backoff } from '../../core/backoff.ts';
import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient, HttpResponse } from '../../core/http/client.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { asText, at, member } from '../model/index.ts';
import { deadline } from '../watch/request.ts';
import type { Deadline } from '../watch/request.ts';
import { readApp } from './app.ts';
import { AppsReader } from './apps-reader.ts';
import { EVENT_TYPES, EventLines, hintOf } from './events.ts';
import { KnownMarathon } from './known.ts';
import type { MarathonNews } from './known.ts';
import { Todo } from './todo.ts';
import type { Look } from './todo.ts';

const BACKOFF = { firstMs: 500, maxMs: 30_000, jitter: 0.5 };
/** Following that went well for so long starts anew with the first wait. */
const WELL_MS = 10_000;
const ANSWER_MS = 15_000;
/** For a whole list of apps. */
const APPS_MS = 120_000;
const MOST_BYTES = 512 * 1024 * 1024;
const MOST_LINE_BYTES = 1024 * 1024;
const MOST_ANSWER_BYTES = 8 * 1024 * 1024;
const MAX_REDIRECTS = 3;

export interface FollowerParts {
  /** Addresses of one Marathon, tried in turn. */
  readonly urls: readonly string[];
  readonly refreshMs: number;
  readonly silenceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly http: HttpClient;
  readonly log: Logger;
  /** Headers that prove who we are; asked for before each request. */
  readonly credentials?: () => Promise<Readonly<Record<string, string>>>;
  /** They were refused: whether asking again may give better ones. */
  readonly renewCredentials?: () => boolean;
  readonly emit: (news: MarathonNews) => void;
}

/** An event stream whose head has come. */
interface Stream {
  readonly body: HttpResponse;
  readonly time: Deadline;
  readonly at: string;
}

/** How it goes with one Marathon, for people. */
export interface MarathonView {
  readonly urls: readonly string[];
  readonly frameworkName: string | undefined;
  readonly apps: number;
  /** Monotonic milliseconds of the last answer or event. */
  readonly heardAt: number | undefined;
  readonly problem: string | undefined;
}

/**
 * Follows one Marathon: its event stream says where to look, its API what is there. Everything is looked at in the beginning and
 * again from time to time, whatever the events say. When it cannot be reached, the last that was known stays, for ever:
 * nothing is unhealthy because nobody tells.
 */
export class MarathonFollower {
  readonly #parts: FollowerParts;
  readonly #abort = new AbortController();
  readonly #origins: ReadonlySet<string>;
  #known: KnownMarathon | undefined;
  #heardAt: number | undefined;
  #problem: string | undefined;
  #running: Promise<void> | undefined;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#origins = new Set(parts.urls.map((url) => new URL(url).origin));
  }

  get view(): MarathonView {
    return {
      urls: this.#parts.urls,
      frameworkName: this.#known?.frameworkName,
      apps: this.#known?.size ?? 0,
      heardAt: this.#heardAt,
      problem: this.#problem,
    };
  }

  start(): void {
    this.#running = this.#run(this.#abort.signal);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { urls, clock, random, log } = this.#parts;
    const backoff = new Backoff(random, BACKOFF);
    for (let n = 0; !signal.aborted; n++) {
      const url = (urls[n % urls.length] ?? '').replace(/\/+$/, '');
      const began = clock.monotonic();
      let reason = 'the event stream ended';
      try {
        await this.#follow(url, signal);
      } catch (error) {
        reason = errorText(error);
      }
      if (signal.aborted) return;
      if (this.#problem !== reason)
        log.warn({ url, reason }, 'a Marathon cannot be followed; what is known of it stays');
      this.#problem = reason;
      if (clock.monotonic() - began >= WELL_MS) backoff.reset();
      await sleep(clock, backoff.next(), signal);
    }
  }

  /** Follow it at this address until that ends. */
  async #follow(url: string, outer: AbortSignal): Promise<void> {
    const known = await this.#meet(url, outer);
    // All of this address ends together.
    const over = new AbortController();
    const end = (): void => over.abort();
    outer.addEventListener('abort', end, { once: true });
    const { clock, refreshMs } = this.#parts;
    const todo = new Todo(clock, refreshMs);
    try {
      const stream = await this.#openOrLook(url, known, over.signal);
      const looking = this.#look(url, known, todo, over.signal).finally(end);
      const reading = this.#read(stream, todo, over.signal).finally(end);
      const [looked, read] = await Promise.allSettled([looking, reading]);
      // Whatever went wrong first made the other one end.
      if (looked.status === 'rejected' && !isAbort(looked.reason)) throw looked.reason;
      if (read.status === 'rejected') throw read.reason;
    } finally {
      end();
      outer.removeEventListener('abort', end);
    }
  }

  /** Who it is. Another framework than before is another Marathon: what was known of the old one goes. */
  async #meet(url: string, signal: AbortSignal): Promise<KnownMarathon> {
    const info = await this.#json(`${url}/v2/info`, signal);
    const id = asText(member(info, 'frameworkId'));
    const name = asText(at(info, 'marathon_config', 'framework_name')) ?? asText(member(info, 'name'));
    if (id === undefined || name === undefined) throw new Error(`${url}/v2/info names no framework`);
    const before = this.#known;
    if (before?.frameworkId === id && before.frameworkName === name) return before;
    const gone = before?.takeAll([]);
    if (gone !== undefined) this.#parts.emit(gone);
    this.#known = new KnownMarathon(id, name);
    return this.#known;
  }

  /** The stream. Where there is none, a look at everything instead: the next one comes with the next try. */
  async #openOrLook(url: string, known: KnownMarathon, signal: AbortSignal): Promise<Stream> {
    try {
      return await this.#open(url, signal);
    } catch (error) {
      if (!signal.aborted) await this.#lookAt({ look: 'everywhere' }, url, known, signal);
      throw error;
    }
  }

  /** Look at what is to be looked at, one thing after the other, so that what was asked for last is what counts. */
  async #look(url: string, known: KnownMarathon, todo: Todo, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      const next = await todo.next(signal);
      if (next === undefined) return;
      const began = clock.monotonic();
      await this.#lookAt(next, url, known, signal);
      todo.done(next, clock.monotonic() - began);
    }
  }

  async #lookAt(look: Look, url: string, known: KnownMarathon, signal: AbortSignal): Promise<void> {
    const news =
      look.look === 'everywhere'
        ? known.takeAll(await this.#apps(url, signal))
        : known.takeOne(look.id, await this.#app(url, look.id, signal));
    if (signal.aborted) return;
    this.#wasHeard();
    if (news !== undefined) this.#parts.emit(news);
  }

  async #apps(url: string, signal: AbortSignal): Promise<ReturnType<typeof readApp>[]> {
    const time = deadline(this.#parts.clock, APPS_MS, signal);
    try {
      const response = await this.#get(`${url}/v2/apps?embed=apps.tasks`, time.signal);
      if (response.status !== 200) throw failed(`${url}/v2/apps`, response);
      const reader = new AppsReader();
      let bytes = 0;
      for await (const piece of response.body) {
        bytes += piece.length;
        if (bytes > MOST_BYTES) throw new Error(`${url}/v2/apps is larger than ${MOST_BYTES} bytes`);
        reader.push(piece);
      }
      const apps = reader.end();
      if (apps === undefined) throw new Error(`${url}/v2/apps is no list of apps`);
      return [...apps];
    } catch (error) {
      throw time.expired ? new Error(`no answer in time from ${url}/v2/apps`) : error;
    } finally {
      time.done();
    }
  }

  async #app(url: string, id: string, signal: AbortSignal): Promise<ReturnType<typeof readApp> | undefined> {
    const path = id.split('/').map(encodeURIComponent).join('/');
    const json = await this.#json(`${url}/v2/apps${path}?embed=app.tasks`, signal, [404]);
    return json === undefined ? undefined : readApp(member(json, 'app'), id);
  }

  /** A small answer as JSON; undefined for a status that is `known`. */
  async #json(url: string, signal: AbortSignal, known: readonly number[] = []): Promise<unknown> {
    const time = deadline(this.#parts.clock, ANSWER_MS, signal);
    try {
      const response = await this.#get(url, time.signal);
      if (known.includes(response.status)) {
        response.cancel();
        return undefined;
      }
      if (response.status !== 200) throw failed(url, response);
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      for await (const piece of response.body) {
        bytes += piece.length;
        if (bytes > MOST_ANSWER_BYTES) throw new Error(`${url} is larger than ${MOST_ANSWER_BYTES} bytes`);
        pieces.push(piece);
      }
      return JSON.parse(Buffer.concat(pieces).toString()) as unknown;
    } catch (error) {
      throw time.expired ? new Error(`no answer in time from ${url}`) : error;
    } finally {
      time.done();
    }
  }

  /** The event stream, with its head. A standby names the leader by a redirect (marathon.md §1). */
  async #open(url: string, signal: AbortSignal): Promise<Stream> {
    const types = EVENT_TYPES.map((type) => `event_type=${type}`).join('&');
    const time = deadline(this.#parts.clock, ANSWER_MS, signal);
    let at = `${url}/v2/events?plan-format=light&${types}`;
    try {
      for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
        const response = await this.#get(at, time.signal, { accept: 'text/event-stream' });
        const { location } = response.headers;
        if (
          response.status >= 301 &&
          response.status <= 308 &&
          location !== undefined &&
          URL.canParse(location, at)
        ) {
          response.cancel();
          at = new URL(location, at).href;
          continue;
        }
        if (response.status !== 200) throw failed(at, response);
        return { body: response, time, at };
      }
      throw new Error(`${url}/v2/events redirects without end`);
    } catch (error) {
      time.done();
      throw time.expired ? new Error(`no answer in time from ${at}`) : error;
    }
  }

  async #read({ body, time, at }: Stream, todo: Todo, signal: AbortSignal): Promise<void> {
    const { silenceMs, log } = this.#parts;
    const lines = new EventLines(
      (data) => todo.add(data === undefined ? { look: 'everywhere' } : hintOf(data)),
      MOST_LINE_BYTES,
    );
    try {
      time.touch(silenceMs);
      if (this.#problem !== undefined) log.info({ at }, 'a Marathon is followed again');
      this.#problem = undefined;
      for await (const piece of body.body) {
        time.touch(silenceMs);
        this.#wasHeard();
        lines.push(piece);
      }
      if (!signal.aborted) throw new Error(`${at} ended`);
    } catch (error) {
      throw time.expired ? new Error(`${at} was silent for ${silenceMs} ms`) : error;
    } finally {
      time.done();
      body.cancel();
    }
  }

  #wasHeard(): void {
    this.#heardAt = this.#parts.clock.monotonic();
  }

  /** With credentials, where the address is one that we were told of; with newer ones again when these are refused. */
  async #get(url: string, signal: AbortSignal, headers: Record<string, string> = {}): Promise<HttpResponse> {
    const { http, credentials, renewCredentials } = this.#parts;
    const trusted = this.#origins.has(new URL(url).origin);
    const once = async (): Promise<HttpResponse> => {
      const proof = trusted ? await credentials?.() : undefined;
      return http.request({
        method: 'GET',
        url,
        headers: { accept: 'application/json', ...headers, ...proof },
        timeoutMs: 0,
        signal,
      });
    };
    const response = await once();
    if (response.status !== 401 || !trusted || renewCredentials?.() !== true) return response;
    response.cancel();
    return once();
  }
}

function failed(url: string, response: HttpResponse): Error {
  response.cancel();
  return new Error(`${url} answered ${response.status}`);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
