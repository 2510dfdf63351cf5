import { masterOrigin } from '../../mesos/index.ts';
import { sameValue } from '../model/index.ts';
import { Subscribers } from '../../core/subscribers.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import type { DetectedMasters } from './types.ts';

export interface DirectoryView {
  /** Origin of the leader that was detected; undefined when none is known to lead. */
  readonly leader: string | undefined;
  /** Origins of the masters: the leader first, then the others. Names like `master0` follow this order. */
  readonly masters: readonly string[];
  /** Whom to try, in this order: the masters, then what is configured besides. */
  readonly candidates: readonly string[];
}

/**
 * The masters that there are: those configured until others were detected; then the detected leader first and its
 * fellows after it (mesos-dns.md §3.1). While nobody at all is named, all that were known last are kept, the former leader last.
 */
export class MasterDirectory {
  readonly #configured: readonly string[];
  readonly #https: boolean;
  readonly #subscribers: Subscribers<DirectoryView>;
  /** Why nothing new is known of the masters just now. */
  problem: string | undefined;
  #view: DirectoryView;

  constructor(configured: readonly string[], https: boolean, onError: (error: unknown) => void = () => {}) {
    this.#https = https;
    this.#configured = this.#origins(configured);
    this.#subscribers = new Subscribers(onError);
    this.#view = { leader: undefined, masters: this.#configured, candidates: this.#configured };
  }

  get view(): DirectoryView {
    return this.#view;
  }

  onChange(f: (view: DirectoryView) => void): Unsubscribe {
    return this.#subscribers.add(f);
  }

  update(detected: DetectedMasters): void {
    const leader = detected.leader === undefined ? undefined : this.#origins([detected.leader])[0];
    const others = this.#origins(detected.others);
    const before = this.#view;
    const rest = others.length > 0 || leader !== undefined ? others : withoutLeaderFirst(before);
    const masters = unique(leader === undefined ? rest : [leader, ...rest]);
    const next = { leader, masters, candidates: unique([...masters, ...this.#configured]) };
    if (sameValue(next, before)) return;
    this.#view = next;
    this.#subscribers.emit(next);
  }

  /**
   * Whether this is one of the masters by what we were told, not by what some server sent us to. Ports do not count; http
   * where we were told https is not the same.
   */
  knows(url: string): boolean {
    if (!URL.canParse(url)) return false;
    const { hostname, protocol } = new URL(url);
    return this.#view.candidates.some((origin) => {
      const known = new URL(origin);
      return known.hostname === hostname && (protocol === 'https:' || known.protocol === protocol);
    });
  }

  #origins(addresses: readonly string[]): string[] {
    return unique(addresses.map((a) => masterOrigin(a, this.#https)).filter((o) => o !== undefined));
  }
}

function withoutLeaderFirst({ leader, masters }: DirectoryView): readonly string[] {
  return leader === undefined ? masters : [...masters.filter((m) => m !== leader), leader];
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
