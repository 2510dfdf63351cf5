import type { TrustBundle } from '../../core/identity.ts';
import { Subscribers } from '../../core/subscribers.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { authErrors } from '../errors.ts';
import type { AuthorityNews, IssuedChain, Issuer } from '../identity/issuer.ts';
import { makeLeaf, makeSerial, readSigner, validityWithin } from '../x509/make.ts';
import type { Signer } from '../x509/make.ts';
import { Foundry } from './foundry.ts';
import { readBroughtIn } from './bring-in.ts';
import type { BroughtIn } from './bring-in.ts';
import { checkLeafRequest } from './leaf-request.ts';
import type { LeafRequest } from './leaf-request.ts';
import { alarmOf, lifeLeft, lifeOf } from './life.ts';
import { BACKDATE_MS } from './parts.ts';
import type { AuthorityParts, AuthorityView } from './parts.ts';
import { begin, intermediateKeyName, keysOf, rootKeyName, rootsOf, step } from './state.ts';
import type { AuthorityState, Command, Intermediate } from './state.ts';
import { decodeState, encodeState } from './state-codec.ts';

/** By how much the end of a certificate may be later for others than for us. */
const SKEW_MS = 60_000;
/** The intermediate is replaced after this share of its life, so before half of it is over. */
const ROTATE_AT = 0.45;
/** How often it looks whether something is to be done; at least this many times in the life of an intermediate. */
const LOOK_EVERY_MS = 60_000;
const LOOKS_PER_LIFE = 20;

const STATE_KEY = 'auth/ca';

/**
 * The certificate authority. What it is stands in the store and changes by compare-and-set; keys are in the key store, written before the
 * state that names them and removed after it names them no more. So a crash leaves the whole old or the whole new authority.
 */
export class Authority {
  readonly #parts: AuthorityParts;
  readonly #foundry: Foundry;
  readonly #news: Subscribers<AuthorityNews>;
  readonly #end = new AbortController();
  #revision = 0;
  #state: AuthorityState | undefined;
  #signer: Signer | undefined;
  #signerId: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #timer: Timer | undefined;
  readonly counts = { leaves: 0, authorities: 0, refused: 0 };

  constructor(parts: AuthorityParts) {
    this.#parts = parts;
    this.#foundry = new Foundry(parts);
    this.#news = new Subscribers((error) => parts.log.error({ error }, 'a follower of the authority failed'));
  }

  /** Load it, or make it at the first start. Rejects with AUTH_CA_OTHER_TRUST_DOMAIN, AUTH_CA_STATE_UNREADABLE. */
  async start(): Promise<void> {
    await this.#alone(async () => {
      await this.#load();
      if (!this.#state)
        await this.#create().catch((error: unknown) => {
          if (!this.#state) throw error; // else somebody else was first
        });
      const { trustDomain: wanted } = this.#parts.settings;
      const kept = this.#state?.trustDomain;
      if (kept !== wanted) throw authErrors.AUTH_CA_OTHER_TRUST_DOMAIN({ kept, wanted });
      await this.#tend().catch((error: unknown) =>
        this.#parts.log.error({ error: errorText(error) }, 'the certificate authority cannot be tended'),
      );
      await this.#sweep();
    });
    void this.#follow();
    this.#lookLater();
  }

  /**
   * Only read what others make of it, and all that they change, to issue by it; for who may not change it. Resolves also while there is none.
   * Rejects with AUTH_CA_STATE_UNREADABLE, AUTH_KEY_*.
   */
  async startReading(): Promise<void> {
    void this.#follow();
    await this.look();
  }

  /** Read it again now, instead of when the store tells of a change. */
  look(): Promise<void> {
    return this.#alone(() => this.#load());
  }

  async stop(): Promise<void> {
    this.#end.abort();
    this.#timer?.cancel();
    await this.#last.catch(() => {});
  }

  /** Throws AUTH_CA_NOT_STARTED. */
  view(): AuthorityView {
    return { state: this.#current(), alarm: this.alarm() };
  }

  get bundle(): TrustBundle {
    const state = this.#current();
    const { trustDomain, sequence } = state;
    return { trustDomain, sequence, roots: rootsOf(state).map((root) => root.certificate) };
  }

  /** Whom to believe, and what to renew. Throws AUTH_CA_NOT_STARTED. */
  get news(): AuthorityNews {
    const { old } = this.#current();
    return { bundle: this.bundle, tainted: old?.tainted === true ? [old.root.id] : [] };
  }

  /** Told at once, and at each change. */
  follow(listener: (news: AuthorityNews) => void): Unsubscribe {
    const unsubscribe = this.#news.add(listener);
    if (this.#state) listener(this.news);
    return unsubscribe;
  }

  /** Resolves when the bundle is of a higher sequence, or `waitMs` have passed. */
  later(sequence: number, waitMs: number): Promise<void> {
    if (this.bundle.sequence > sequence || waitMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        unsubscribe();
        this.#end.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.#parts.clock.after(waitMs, done);
      const unsubscribe = this.#news.add(({ bundle }) => {
        if (bundle.sequence > sequence) done();
      });
      this.#end.signal.addEventListener('abort', done);
    });
  }

  /** Why somebody should look at it; undefined when all is well. */
  alarm(): string | undefined {
    if (!this.#state) return 'it is not there yet';
    return alarmOf(this.#state, this.#signer !== undefined, this.#parts.clock.now());
  }

  /** Milliseconds that are left of what signs, by its name. */
  lifeLeft(): ReadonlyMap<string, number> {
    return this.#state ? lifeLeft(this.#state, this.#parts.clock.now()) : new Map();
  }

  /**
   * Sign for a public key. What the certificate says comes from the request, which is made of what we know. Throws AUTH_CA_BAD_REQUEST, AUTH_CA_BAD_KEY,
   * AUTH_CA_NOT_HERE, AUTH_CA_ENDED.
   */
  issue(request: LeafRequest): IssuedChain {
    try {
      return this.#issue(request);
    } catch (error) {
      this.counts.refused++;
      throw error;
    }
  }

  /** For one whose id and names are decided here, and who brings a key each time. */
  issuerFor(request: Omit<LeafRequest, 'publicKey'>): Issuer {
    return {
      issue: async (publicKey) => this.issue({ ...request, publicKey }),
      follow: (listener) => this.follow(listener),
    };
  }

  /** Make the next root and have it believed; it signs once it is activated. */
  prepare(by: string): Promise<void> {
    return this.#alone(async () => {
      const root = await this.#foundry.makeRoot();
      this.counts.authorities++;
      await this.#apply({ kind: 'prepare', nowMs: this.#parts.clock.now(), root }, by);
    });
  }

  discard(by: string): Promise<void> {
    return this.#alone(() => this.#apply({ kind: 'discard' }, by));
  }

  /** Sign below the root that was prepared. `force`: also when not everybody may have heard of it. */
  activate(by: string, force = false): Promise<void> {
    return this.#alone(async () => {
      const { next } = this.#current();
      const intermediate = next?.root.own === true ? await this.#makeIntermediate(next.root) : undefined;
      const nowMs = this.#parts.clock.now();
      await this.#apply({ kind: 'activate', nowMs, force, ...(intermediate ? { intermediate } : {}) }, by);
    });
  }

  taint(by: string): Promise<void> {
    return this.#alone(() => this.#apply({ kind: 'taint' }, by));
  }

  revoke(by: string): Promise<void> {
    return this.#alone(() => this.#apply({ kind: 'revoke' }, by));
  }

  /** Replace the intermediate now; it does so by itself in time. */
  rotate(by: string): Promise<void> {
    return this.#alone(() => this.#rotate(by));
  }

  /** A request (PKCS#10, PEM) for an intermediate of ours, to be signed by a foreign authority; its key stays here. */
  async request(by: string): Promise<string> {
    return this.#alone(async () => {
      const { id, csr } = await this.#foundry.makeRequest();
      await this.#apply({ kind: 'request', id }, by);
      return csr;
    });
  }

  /**
   * Take in what a foreign authority signed, or an intermediate that is there with its key. Below the active root it signs at once;
   * with another root it is prepared, to be activated. Rejects with AUTH_CA_BAD_CERTIFICATE.
   */
  bringIn(brought: BroughtIn, by: string): Promise<'signs' | 'prepared'> {
    return this.#alone(async () => {
      const { active, requested } = this.#current();
      const nowMs = this.#parts.clock.now();
      const kept = requested && (await this.#parts.keys.read(intermediateKeyName(requested.id)));
      const { root, intermediate, privateKey } = readBroughtIn(brought, kept, nowMs);
      await this.#parts.keys.write(intermediateKeyName(intermediate.id), privateKey);
      const below = root.id === active.root.id;
      if (below) await this.#apply({ kind: 'rotate', intermediate }, by);
      else await this.#apply({ kind: 'prepare', nowMs, root, intermediate }, by);
      return below ? 'signs' : 'prepared';
    });
  }

  #issue(request: LeafRequest): IssuedChain {
    const { settings, clock, random, audit } = this.#parts;
    const { active } = this.#current();
    const signer = this.#signer;
    if (!signer) throw authErrors.AUTH_CA_NOT_HERE({ name: intermediateKeyName(active.intermediate.id) });
    const { spki, id, commonName, names } = checkLeafRequest(request, settings.trustDomain);
    const now = clock.now();
    const lifetime = Math.min(request.lifetimeMs ?? settings.leafMs, settings.leafMs);
    const validity = validityWithin(active.intermediate, now, lifetime, BACKDATE_MS);
    if (!validity) throw authErrors.AUTH_CA_ENDED({ what: this.alarm() ?? 'the intermediate' });
    const serial = makeSerial(random);
    const leaf = makeLeaf({ ...validity, serial, spki, uri: id, commonName, names }, signer);
    this.counts.leaves++;
    audit.add({
      time: new Date(now).toISOString(),
      what: 'issue',
      by: request.by,
      id,
      names,
      serial: serial.toString('hex'),
      notAfter: new Date(validity.notAfterMs).toISOString(),
      issuer: active.intermediate.id,
    });
    const certificateChain = leaf + active.intermediate.certificate;
    return { ...validity, id, certificateChain, root: active.root.id };
  }

  #current(): AuthorityState {
    if (!this.#state) throw authErrors.AUTH_CA_NOT_STARTED();
    return this.#state;
  }

  /** One change after the other. */
  #alone<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change, change);
    this.#last = done.catch(() => {});
    return done;
  }

  async #load(): Promise<void> {
    const entry = await this.#parts.store.get(STATE_KEY);
    if (entry) await this.#adopt(decodeState(entry.value), entry.revision);
  }

  async #create(): Promise<void> {
    const root = await this.#foundry.makeRoot();
    const intermediate = await this.#makeIntermediate(root);
    this.counts.authorities++;
    await this.#write(begin(this.#parts.settings.trustDomain, { root, intermediate }));
    this.#tell('create', 'rimrock');
  }

  async #makeIntermediate(root: AuthorityState['active']['root']): Promise<Intermediate> {
    this.counts.authorities++;
    return this.#foundry.makeIntermediate(root);
  }

  async #rotate(by: string): Promise<void> {
    const { root } = this.#current().active;
    if (!root.own) throw authErrors.AUTH_CA_NOT_HERE({ name: rootKeyName(root.id) });
    await this.#apply({ kind: 'rotate', intermediate: await this.#makeIntermediate(root) }, by);
  }

  async #apply(command: Command, by: string): Promise<void> {
    const { settings } = this.#parts;
    const done = step(this.#current(), command, { spreadMs: settings.spreadMs, skewMs: SKEW_MS });
    if (!done.ok) {
      await this.#sweep(); // what was made for it
      throw authErrors[done.refusal]();
    }
    if (done.state === this.#state) return;
    await this.#write(done.state);
    this.#tell(command.kind, by);
    await this.#sweep();
  }

  async #write(state: AuthorityState): Promise<void> {
    let entry;
    try {
      entry = await this.#parts.store.compareAndSet(STATE_KEY, this.#revision, encodeState(state));
    } catch (error) {
      await this.#load().catch(() => {}); // it may have been written all the same
      throw error;
    }
    if (!entry) {
      await this.#load();
      throw authErrors.AUTH_CA_CHANGED();
    }
    await this.#adopt(state, entry.revision);
  }

  async #adopt(state: AuthorityState, revision: number): Promise<void> {
    if (revision <= this.#revision) return;
    const { intermediate } = state.active;
    if (this.#signerId !== intermediate.id || !this.#signer) {
      const key = await this.#parts.keys.read(intermediateKeyName(intermediate.id));
      this.#signer = key === undefined ? undefined : readSigner(intermediate.certificate, key);
      this.#signerId = intermediate.id;
    }
    this.#revision = revision;
    const before = this.#state?.sequence;
    this.#state = state;
    if (before !== state.sequence) this.#news.emit(this.news);
  }

  /** Keys that nothing names: of roots that are gone, or made just before a crash. */
  async #sweep(): Promise<void> {
    const wanted = keysOf(this.#current());
    try {
      for (const name of await this.#parts.keys.names())
        if (name.startsWith('ca-') && !wanted.has(name)) await this.#parts.keys.remove(name);
    } catch (error) {
      this.#parts.log.warn({ error: errorText(error) }, 'old keys of the authority are still there');
    }
  }

  async #tend(): Promise<void> {
    const now = this.#parts.clock.now();
    const { active, old } = this.#current();
    const { notBeforeMs, notAfterMs } = lifeOf(active.intermediate);
    const due = notBeforeMs + (notAfterMs - notBeforeMs) * ROTATE_AT;
    // An intermediate that ends with its root would be followed by one that does too.
    const useful = notAfterMs < active.root.notAfterMs;
    if (active.root.own && now >= due && useful) await this.#rotate('rimrock');
    if (old) await this.#apply({ kind: 'expire', nowMs: now }, 'rimrock');
  }

  #lookLater(): void {
    if (this.#end.signal.aborted) return;
    const every = Math.min(LOOK_EVERY_MS, this.#parts.settings.intermediateMs / LOOKS_PER_LIFE);
    this.#timer = this.#parts.clock.after(every, () => {
      this.#alone(() => this.#tend())
        .catch((error: unknown) =>
          this.#parts.log.error({ error: errorText(error) }, 'the certificate authority cannot be tended'),
        )
        .finally(() => this.#lookLater());
    });
  }

  /** Changes by others who share the store. */
  async #follow(): Promise<void> {
    try {
      for await (const event of this.#parts.store.watch(STATE_KEY, this.#end.signal)) {
        if (event.kind !== 'put' || event.entry.key !== STATE_KEY) continue;
        const { value, revision } = event.entry;
        await this.#alone(() => this.#adopt(decodeState(value), revision));
      }
    } catch (error) {
      this.#parts.log.error({ error: errorText(error) }, 'changes of the authority by others are not seen');
    }
  }

  #tell(what: string, by: string): void {
    const { sequence, active, next, old } = this.#current();
    const told = {
      what,
      by,
      sequence,
      root: active.root.id,
      intermediate: active.intermediate.id,
      ...(next ? { next: next.root.id } : {}),
      ...(old ? { old: old.root.id } : {}),
    };
    this.#parts.audit.add({ time: new Date(this.#parts.clock.now()).toISOString(), ...told });
    this.#parts.log.info(told, 'the certificate authority changed');
  }
}
