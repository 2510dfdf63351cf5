import type { AccessRequest, Verdict } from '../../core/access.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Health } from '../../core/health.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import { literally } from '../../core/policy/pattern.ts';
import { CompiledPolicy } from '../../core/policy/compiled-policy.ts';
import type { LivePolicy, Policy, Rule } from '../../core/policy/types.ts';
import { Subscribers } from '../../core/subscribers.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { Store } from '../../store/index.ts';
import { explain, parseDocument, parseMesosAcls, shadowed } from '../policy/index.ts';
import type { Explanation, PolicyDocument, Problem } from '../policy/index.ts';
import type { PolicyConfig } from './config.ts';
import { readText, RuleFile } from './rule-file.ts';
import type { ReadText } from './rule-file.ts';
import { StoredRules } from './stored-rules.ts';
import type { Stored } from './stored-rules.ts';
import { Tally } from './tally.ts';

/** Files are looked at this often. */
const REFRESH_MS = 1_000;
/** Looking for shadows takes time in proportion to the square of it. */
const MOST_RULES_FOR_SHADOWS = 2_000;

export interface PolicyKeeperParts {
  readonly config: PolicyConfig;
  /** The principal of our own parts, who may do everything: without each other they are nothing. */
  readonly own?: string | undefined;
  /** Without one the API cannot keep rules. */
  readonly store?: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly readText?: ReadText;
}

/**
 * The policy that is in force: the rules of the file, then those that came over the API, then those of Mesos's ACL file, then the
 * default. Every change makes a new version, which takes the place of the old one between two requests. What is not right changes nothing.
 */
export class PolicyKeeper implements Component, LivePolicy {
  readonly name = 'policy';
  readonly #parts: PolicyKeeperParts;
  readonly #tally: Tally;
  readonly #listeners: Subscribers<void>;
  readonly #stored: StoredRules | undefined;
  readonly #file: RuleFile<PolicyDocument> | undefined;
  readonly #aclFile: RuleFile<readonly Rule[]> | undefined;
  readonly #stopped = new AbortController();
  #refreshing: Timer | undefined;
  #document: PolicyDocument = { default: undefined, rules: [] };
  #own: Stored = { revision: 0, rules: [] };
  #acls: readonly Rule[] = [];
  #warnings: readonly Problem[] = [];
  #told: string | undefined;
  #compiled: CompiledPolicy;

  constructor(parts: PolicyKeeperParts) {
    const { config, store, log, metrics, health } = parts;
    const read = parts.readText ?? readText;
    this.#parts = parts;
    this.#tally = new Tally(parts, metrics);
    this.#listeners = new Subscribers((error) => log.error({ error }, 'a listener for the policy failed'));
    this.#stored = store && new StoredRules(store);
    this.#file = config.file === undefined ? undefined : new RuleFile(config.file, read, parseDocument);
    this.#aclFile =
      config.mesosAcls === undefined ? undefined : new RuleFile(config.mesosAcls, read, parseMesosAcls);
    this.#compiled = new CompiledPolicy({ version: 0, default: config.default, rules: [] });
    metrics.observed('rimrock_policy_version', 'Version of the policy in force', () => [
      { value: this.policy.version },
    ]);
    metrics.observed('rimrock_policy_rules', 'Rules of the policy in force', () => [
      { value: this.policy.rules.length },
    ]);
    health.require('policy', () => {
      // Who does not get the newest rules still has rules: that is no reason to be taken out of service.
      const detail = `version ${this.policy.version}`;
      const problem = this.#problem();
      return { ok: true, detail: problem === undefined ? detail : `${detail} stays: ${problem.message}` };
    });
  }

  get policy(): Policy {
    return this.#compiled.policy;
  }

  /** The rules that came over the API. */
  get own(): Stored {
    return this.#own;
  }

  /** Rules that never decide. */
  get warnings(): readonly Problem[] {
    return this.#warnings;
  }

  decide(request: AccessRequest): Verdict {
    const verdict = this.#compiled.decide(request);
    this.#tally.note(request, verdict);
    return verdict;
  }

  preview(request: AccessRequest): Verdict {
    return this.#compiled.decide(request);
  }

  /** Decides nothing: nothing is counted or logged. */
  explain(request: AccessRequest): Explanation {
    return explain(this.policy, request);
  }

  part(action: string): Policy | undefined {
    return this.#compiled.part(action);
  }

  onChange(listener: () => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  /** Put these in the place of all rules that came over the API. Undefined: they are not at `revision` any more. */
  async replaceOwn(rules: readonly Rule[], revision: number): Promise<Stored | undefined> {
    const written = await this.#stored?.write(rules, revision);
    if (written !== undefined) this.#take(written);
    return written;
  }

  /** Rejects when a file is not right: a program that cannot know its policy does not start. */
  async start(): Promise<void> {
    const { clock } = this.#parts;
    await this.#load();
    const problem = this.#problem();
    if (problem !== undefined) throw problem;
    if (this.#stored !== undefined) {
      void this.#follow(this.#stored);
      this.#own = await this.#stored.read();
    }
    this.#swap();
    if (this.#file !== undefined || this.#aclFile !== undefined)
      this.#refreshing = clock.every(REFRESH_MS, () => void this.#refresh().catch(() => {}));
  }

  async stop(): Promise<void> {
    this.#refreshing?.cancel();
    this.#stopped.abort();
  }

  /** Take in what the files say; whether that is something new. */
  async #load(): Promise<boolean> {
    const document = await this.#file?.refresh();
    const acls = await this.#aclFile?.refresh();
    if (document?.changed === true) this.#document = document.value;
    if (acls?.changed === true) this.#acls = acls.value;
    return document?.changed === true || acls?.changed === true;
  }

  async #refresh(): Promise<void> {
    if (await this.#load()) this.#swap();
    const problem = this.#problem();
    if (problem !== undefined && problem.message !== this.#told)
      this.#parts.log.warn({ error: problem }, 'the policy stays as it is: a file of rules cannot be used');
    this.#told = problem?.message;
  }

  #problem(): Error | undefined {
    return this.#file?.problem ?? this.#aclFile?.problem;
  }

  async #follow(stored: StoredRules): Promise<void> {
    const { signal } = this.#stopped;
    try {
      for await (const next of stored.changes(signal)) this.#take(next);
    } catch (error) {
      if (!signal.aborted)
        this.#parts.log.error({ reason: errorText(error) }, 'rules of the API are not followed any more');
    }
  }

  /** Our own writes come back by the watch. */
  #take(stored: Stored): void {
    if (stored.revision !== 0 && stored.revision <= this.#own.revision) return;
    this.#own = stored;
    this.#swap();
  }

  #ours(): Rule[] {
    const { own } = this.#parts;
    if (own === undefined) return [];
    return [{ name: 'own/parts', effect: 'allow', who: [`principal:${literally(own)}`], may: ['*'] }];
  }

  #swap(): void {
    const { config, log } = this.#parts;
    const own = this.#own.rules.map((rule) => ({ ...rule, name: `api/${rule.name}` }));
    const rules = [...this.#ours(), ...this.#document.rules, ...own, ...this.#acls];
    const otherwise = this.#document.default ?? config.default;
    const version = this.policy.version + 1;
    this.#compiled = new CompiledPolicy({ version, default: otherwise, rules });
    this.#warnings = rules.length > MOST_RULES_FOR_SHADOWS ? [] : shadowed(rules);
    log.info({ version, rules: rules.length, default: otherwise }, 'a policy is in force');
    for (const { message } of this.#warnings) log.warn(message);
    this.#listeners.emit();
  }
}
