import type { ConsulClient, Listing, Operation, Outcome } from '../../src/store/consul/client.ts';
import { consulConfigSchema } from '../../src/store/consul/config.ts';
import { consulStore } from '../../src/store/consul/store.ts';
import { storeErrors } from '../../src/store/errors.ts';
import type { Store } from '../../src/store/index.ts';
import { FakeConsul } from '../../src/store/testing/fake-consul.ts';
import type { ApiReply, ApiRequest } from '../../src/core/http/server.ts';
import type { Network } from './network.ts';
import { SimProcess } from './process.ts';
import { SimApi } from './server.ts';

export const CONSUL = 'consul';
const PREFIX = 'rimrock';
const ELECTION = `${PREFIX}/elections/master/leader`;
const CONFIG = consulConfigSchema.parse({ prefix: PREFIX });
const TIMEOUT_MS = CONFIG.timeoutSeconds * 1000;
/** What does not get through is sent again, by the system, also when who sent it has gone. */
const AGAIN_MS = 1_000;
const GIVES_UP_MS = 15_000;

/** Where masters are elected and what they know is kept. It never fails; the way to it does. */
export class SimConsul {
  readonly #network: Network;
  readonly #consul: FakeConsul;
  readonly #elected: () => void;
  /** Who made a session. */
  readonly #owners = new Map<string, SimProcess>();
  /** Who was elected last, and leads unless nobody does. */
  #last: SimProcess | undefined;
  /** The answer to the next write gets lost, and who wrote hears of that at once. */
  #losesAnswer = false;

  /** `elected`: told when another one leads. */
  constructor(network: Network, elected: () => void) {
    this.#network = network;
    this.#elected = elected;
    const { world } = network;
    const process = new SimProcess(world, CONSUL, CONSUL, () => 0);
    // as late as Consul may end them
    this.#consul = new FakeConsul(process.clock, (ttlMs) => ttlMs * world.between(1, 2));
    const api = new SimApi();
    api.route({ url: '/*', handler: (request, reply) => this.#answer(request, reply) });
    network.listen(`${CONSUL}:8500`, { process, api });
  }

  /** The process that has the lock. */
  get leader(): SimProcess | undefined {
    return this.#owners.get(this.#consul.get(ELECTION)?.session ?? '');
  }

  /** Everything that masters have written. */
  get stored(): ReadonlyMap<string, string> {
    const data = `${PREFIX}/data/`;
    return new Map(this.#consul.list(data).items.map(({ key, value }) => [key.slice(data.length), value]));
  }

  /** Nobody will know of the next write whether it was made. */
  loseAnswer(): void {
    this.#losesAnswer = true;
  }

  /** An operator ends the session of whoever leads. */
  endSession(): void {
    const { session } = this.#consul.get(ELECTION) ?? {};
    this.#network.world.say(CONSUL, `session ${session} of ${this.leader?.name} is ended`);
    if (session !== undefined) this.#consul.end(session);
  }

  /** Only who was elected last may answer for the masters. */
  mayAnswer(process: SimProcess): boolean {
    return process === this.#last;
  }

  open({ clock, random, log }: SimProcess, client: ConsulClient): Store {
    return consulStore({ config: CONFIG, clock, random, log }, client);
  }

  client(process: SimProcess): ConsulClient {
    const consul = this.#consul;
    const ask = <T>(f: () => T): Promise<T> =>
      this.#ask(process, TIMEOUT_MS, (answer: (value: T) => void) => answer(f()));
    return {
      list: (prefix, { after, waitMs = 0, signal } = {}) => {
        if (after === undefined) return ask(() => consul.list(prefix));
        const listed = this.#ask<Listing>(process, TIMEOUT_MS + waitMs, (answer) =>
          consul.listLater(prefix, after, waitMs, answer),
        );
        return signal ? Promise.race([listed, aborted(signal)]) : listed;
      },
      get: (key) => ask(() => consul.get(key)),
      transact: (operations, timeoutMs = TIMEOUT_MS) =>
        this.#ask(
          process,
          timeoutMs,
          (answer) => answer(this.#transact(process, operations)),
          () => this.#losesAnswer && operations.some(isOfData),
        ),
      createSession: (_name, ttl, delay) =>
        ask(() => {
          const id = consul.session(ttl, delay);
          this.#owners.set(id, process);
          return id;
        }),
      renewSession: (id) => ask(() => consul.renew(id)),
      destroySession: (id) => ask(() => consul.end(id)),
      close: () => {},
    };
  }

  #transact(process: SimProcess, operations: readonly Operation[]): Outcome {
    const { leader } = this;
    const outcome = this.#consul.transact(operations);
    if (outcome.kind === 'refused') return outcome;
    const { world } = this.#network;
    const written = operations.find(isOfData);
    if (written && leader !== process)
      world.violated(`${process.name} wrote ${written.Key}, though ${leader?.name ?? 'nobody'} leads`);
    if (operations.some(({ Verb }) => Verb === 'lock')) {
      world.say(CONSUL, `${process.name} is elected`);
      this.#last = process;
      this.#elected();
    }
    return outcome;
  }

  /** A question to Consul and its answer, each of which takes its time or does not get through. */
  #ask<T>(
    process: SimProcess,
    timeoutMs: number,
    f: (answer: (value: T) => void) => void,
    losesAnswer: () => boolean = () => false,
  ): Promise<T> {
    const { world, weather } = this.#network;
    return new Promise((resolve, reject) => {
      const failed = (reason: string): void => {
        timeout.cancel();
        reject(storeErrors.STORE_CONSUL_UNAVAILABLE({ address: CONSUL, what: 'ask', reason }));
      };
      const timeout = process.clock.after(timeoutMs, () => failed('no answer'));
      const reset = (): void => void world.after(1, () => process.run(() => failed('connection reset')));
      if (world.chance(weather.loss / 2)) return reset();
      this.#send(process.host, CONSUL, () =>
        f((value) => {
          if (world.chance(weather.loss / 2)) return reset();
          if (losesAnswer()) {
            this.#losesAnswer = false;
            return reset();
          }
          this.#send(CONSUL, process.host, () =>
            process.run(() => {
              timeout.cancel();
              resolve(value);
            }),
          );
        }),
      );
    });
  }

  #send(from: string, to: string, arrive: () => void): void {
    const { world } = this.#network;
    const untilMs = world.now + GIVES_UP_MS;
    const arrives = (): void => {
      if (this.#network.passes(from, to)) arrive();
      else if (world.now < untilMs) world.after(AGAIN_MS, arrives);
    };
    world.after(this.#network.delay(from, to), arrives);
  }

  /** The HTTP API, as much of it as those ask for who follow a leader. */
  #answer({ url, query }: ApiRequest, reply: ApiReply): void {
    const key = url.replace('/v1/kv/', '');
    const { index = '0', wait = '0s' } = query as Readonly<Record<string, string>>;
    this.#consul.listLater(key, Number(index), Number.parseInt(wait, 10) * 1_000, (listing) => {
      void reply.header('x-consul-index', String(listing.index));
      const [item] = listing.items;
      if (!item) return void reply.code(404).send();
      const raw = { Value: Buffer.from(item.value).toString('base64'), Session: item.session };
      void reply.code(200).send(JSON.stringify([raw]));
    });
  }
}

const isOfData = ({ Key }: Operation): boolean => Key.startsWith(`${PREFIX}/data/`);

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const tell = (): void => reject(new Error('aborted'));
    if (signal.aborted) tell();
    else signal.addEventListener('abort', tell, { once: true });
  });
}
