import { TYPE } from '../wire/index.ts';
import type { TableReader } from '../table/index.ts';
import type { Entries } from './entries.ts';
import type { ReplyWriter } from './reply.ts';

/** Beyond so many targets, clients ask for the addresses of the rest. */
const MAX_TARGETS = 64;
/** Behind priority, weight and port (RFC 2782). */
const SRV_TARGET = 6;

/** Writes sets of records into the reply, and the addresses of what they point to. */
export class SetWriter {
  readonly #table: TableReader;
  readonly #entries: Entries;
  readonly #reply: ReplyWriter;
  /** Of each target: where it stands in the reply, and the entry that names it, then the node found for it. */
  readonly #targets = new Int32Array(MAX_TARGETS * 2);
  /** Where names begin in the data of these entries. */
  readonly #skips = new Uint8Array(MAX_TARGETS);
  #targetCount = 0;

  constructor(table: TableReader, entries: Entries, reply: ReplyWriter) {
    this.#table = table;
    this.#entries = entries;
    this.#reply = reply;
  }

  /** Before a reply. */
  begin(): void {
    this.#targetCount = 0;
  }

  /**
   * The records of a set in random order: all of them, as many as the name allows, or as many as fit. Their owner is a pointer to
   * `owner`: the name as it was asked, also where Mesos-DNS would say what it looked up (a name with `.*` in it). Resolvers
   * take no answer for a name that they did not ask for.
   */
  write(node: number, set: number, owner: number): void {
    const t = this.#table;
    const r = this.#reply;
    const entries = this.#entries;
    const type = t.typeOf(set);
    const ttl = t.ttlOf(set);
    const count = entries.gather(set);
    const allowed = t.answersOf(node);
    const wanted = allowed !== 0 && allowed < count ? allowed : count;
    for (let i = 0; i < wanted; i++) {
      const at = entries.draw(i, count);
      const length = entries.lengthOf(at);
      const data = entries.dataOf(at);
      if (!r.record(owner, type, ttl, t.view, data, length)) {
        r.truncated = true;
        return;
      }
      r.answers++;
      if (type === TYPE.SRV) this.#noteTarget(r.at - length, at, SRV_TARGET);
      else if (type === TYPE.NS) this.#noteTarget(r.at - length, at, 0);
    }
  }

  #noteTarget(dataAt: number, entry: number, skip: number): void {
    const i = this.#targetCount;
    if (i === MAX_TARGETS) return;
    this.#targets[i * 2] = dataAt + skip;
    this.#targets[i * 2 + 1] = entry;
    this.#skips[i] = skip;
    this.#targetCount = i + 1;
  }

  /** An address of each kind for each target, while there is room: leaving them out costs but a second question. */
  addTargets(): void {
    if (this.#targetCount === 0 || this.#reply.truncated) return;
    const t = this.#table;
    const entries = this.#entries;
    const targets = this.#targets;
    for (let i = 0; i < this.#targetCount; i++) {
      const nameAt = targets[i * 2] as number;
      const entry = targets[i * 2 + 1] as number;
      const data = entries.dataOf(entry);
      const node = t.target(entry, data + (this.#skips[i] as number), data + entries.lengthOf(entry));
      // The entry is not needed from here on, but what was found for it.
      targets[i * 2 + 1] = node;
      if (node !== 0 && !this.#seen(node, i) && !this.#addAddresses(node, nameAt)) return;
    }
  }

  #seen(node: number, before: number): boolean {
    for (let i = 0; i < before; i++) if (this.#targets[i * 2 + 1] === node) return true;
    return false;
  }

  #addAddresses(node: number, nameAt: number): boolean {
    const t = this.#table;
    const r = this.#reply;
    const entries = this.#entries;
    for (let set = t.firstSet(node); set !== 0; set = t.nextSet(set)) {
      const type = t.typeOf(set);
      if (type !== TYPE.A && type !== TYPE.AAAA) continue;
      const at = entries.any(set);
      const data = entries.dataOf(at);
      if (!r.record(nameAt - r.base, type, t.ttlOf(set), t.view, data, entries.lengthOf(at))) return false;
      r.additional++;
    }
    return true;
  }
}
