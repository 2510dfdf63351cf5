import { crc32 } from 'node:zlib';
import { ClusterModel } from '../model/index.ts';
import type { ClusterState } from '../model/index.ts';
import { readAgent, readEndpoint, readFramework, readRejection, readTask } from './entities.ts';
import { objectOf, list, number, writeFramework, writeTask } from './entities.ts';

/** First line of the file: what it is, and the version of its format, which goes up when an entity changes its shape. */
const MAGIC = 'rimrock-cluster-state';
const VERSION = 1;
/** A line that is longer is not one of ours. */
const MAX_LINE = 16 * 1024 * 1024;
/** Bytes of text that are handed on at a time; making them takes about a millisecond. */
const PIECE = 64 * 1024;

export interface Kept {
  readonly state: ClusterState;
  /** When the state was last known to be so. Wall clock, milliseconds. */
  readonly asOfMs: number;
}

/**
 * The file in pieces, each quickly made. One line of JSON for each entity; what is there is counted in the second line,
 * and a checksum over all before it is the last. The state may change meanwhile: what is written is that of the begin.
 */
export function* encodeKept({ state, asOfMs }: Kept): Generator<Uint8Array, void, undefined> {
  const entities: readonly (readonly [readonly unknown[], (value: never) => unknown])[] = [
    [[...state.agents.values()], (agent) => agent],
    [[...state.frameworks.values()], writeFramework],
    [[...state.tasks.values()], writeTask],
    [[...state.rejected], (entry) => entry],
  ];
  const counts = entities.map(([values]) => values.length);
  const head = { asOfMs, leader: state.leader ?? null, masters: state.masters, counts };
  let text = `${MAGIC} ${VERSION}\n${JSON.stringify(head)}\n`;
  let sum = 0;
  const piece = (): Uint8Array => {
    const bytes = Buffer.from(text);
    text = '';
    sum = crc32(bytes, sum);
    return bytes;
  };
  for (const [values, write] of entities)
    for (const value of values) {
      text += `${JSON.stringify(write(value as never))}\n`;
      if (text.length >= PIECE) yield piece();
    }
  yield piece();
  yield Buffer.from(`end ${sum.toString(16)}\n`);
}

/** Reads what `encodeKept` wrote, fed with pieces of any size. Throws, with the reason, at the first thing that is wrong. */
export class KeptReader {
  readonly #model = new ClusterModel();
  #waiting = Buffer.alloc(0);
  #line = 0;
  #sum = 0;
  #asOfMs = 0;
  /** Entities that are still to come, by kind. */
  #left: number[] = [];
  #ended = false;

  push(bytes: Uint8Array): void {
    let rest = this.#waiting.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#waiting, bytes]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      this.#take(rest.subarray(0, end + 1));
      rest = rest.subarray(end + 1);
    }
    if (rest.length > MAX_LINE) throw new Error('a line has no end');
    this.#waiting = rest;
  }

  /** After the last piece. */
  finish(): Kept {
    if (!this.#ended || this.#waiting.length > 0) throw new Error('its end is missing');
    return { state: this.#model, asOfMs: this.#asOfMs };
  }

  #take(line: Buffer): void {
    if (this.#ended) throw new Error('it goes on after its end');
    const text = line.toString('utf8', 0, line.length - 1);
    this.#line++;
    if (this.#line === 1) this.#takeMagic(text);
    else if (this.#line === 2) this.#takeHead(JSON.parse(text));
    else if (this.#left.some((count) => count > 0)) this.#takeEntity(JSON.parse(text));
    else {
      if (text !== `end ${this.#sum.toString(16)}`) throw new Error('its checksum is wrong');
      this.#ended = true;
    }
    this.#sum = crc32(line, this.#sum);
  }

  #takeMagic(text: string): void {
    const [magic, version] = text.split(' ');
    if (magic !== MAGIC) throw new Error('it is not a state that was kept here');
    if (version !== String(VERSION))
      throw new Error(`its format ${String(version).slice(0, 20)} is not known`);
  }

  #takeHead(json: unknown): void {
    const head = objectOf(json);
    this.#asOfMs = number(head['asOfMs']);
    this.#model.masters = list(head['masters']).map(readEndpoint);
    this.#model.leader = head['leader'] === null ? undefined : readEndpoint(head['leader']);
    this.#left = list(head['counts']).map(number);
    if (this.#left.length !== 4) throw new Error('its head is wrong');
  }

  #takeEntity(json: unknown): void {
    const kind = this.#left.findIndex((count) => count > 0);
    this.#left[kind] = (this.#left[kind] ?? 0) - 1;
    if (kind === 0) {
      const agent = readAgent(json);
      this.#model.agents.set(agent.id, agent);
    } else if (kind === 1) {
      const framework = readFramework(json);
      this.#model.frameworks.set(framework.id, framework);
    } else if (kind === 2) {
      const task = readTask(json);
      this.#model.tasks.set(task.key, task);
    } else this.#model.rejected.set(...readRejection(json));
  }
}
