import { JsonSlicer } from '../../../core/json/slicer.ts';
import type { Work } from '../../../core/slices.ts';
import { readStateV0, readStateV1 } from '../../model/index.ts';
import type { ClusterModel, MasterEndpoint } from '../../model/index.ts';
import { ItemEntities } from './entities.ts';
import { V0_STATE, V1_EVENT } from './plans.ts';

/** As many bytes are read between two points where the work may rest: a dozen tasks. */
const PER_STEP = 16 * 1024;

/**
 * Reads states that are too large to be held as a whole: bytes go in as they arrive, out comes the same state that
 * `stateFromV0` or `stateFromV1` makes of the parsed document. A reader that is kept for the next document parses only
 * what is new in it. One document at a time: `begin`, `push`..., `end`, then `stateV0` or `stateV1`.
 */
export class DocumentReader {
  readonly #entities: ItemEntities;
  #slicer: JsonSlicer;
  #text: string | undefined;
  #textBefore: string | undefined;

  /** `seed`: any number that nobody outside knows. */
  constructor(seed: number) {
    this.#entities = new ItemEntities(seed);
    this.#slicer = this.begin('v0');
  }

  /** A document begins; what came of one before that did not end is forgotten. `v1`: an event of the operator stream. */
  begin(version: 'v0' | 'v1'): JsonSlicer {
    const { items } = this.#entities;
    items.begin();
    this.#slicer = new JsonSlicer(version === 'v0' ? V0_STATE : V1_EVENT, items);
    return this.#slicer;
  }

  /** The next bytes, of any number; they may be used again when the work is done. */
  *push(bytes: Uint8Array): Work<void> {
    for (let from = 0; from < bytes.length; from += PER_STEP) {
      this.#slicer.push(bytes.subarray(from, from + PER_STEP));
      yield;
    }
  }

  /** The document without its tasks and agents, whose lists hold something else; undefined when it is not JSON. */
  end(): unknown {
    const ended = this.#slicer.end();
    this.#text = ended?.text;
    return ended?.skeleton;
  }

  /** Whether the document that just ended says nothing but what the last one said of which the state was taken. */
  get unchanged(): boolean {
    return this.#text !== undefined && this.#text === this.#textBefore && this.#entities.items.unchanged;
  }

  /** The state in the v0 document that just ended. `document` is what `end` gave. */
  *stateV0(document: unknown, masters: readonly MasterEndpoint[]): Work<ClusterModel> {
    const model = yield* readStateV0(document, masters, this.#entities);
    this.#textBefore = this.#text;
    this.#entities.items.end();
    return model;
  }

  /** The state in the event that just ended. `getState` is that part of what `end` gave. */
  *stateV1(
    getState: unknown,
    context: { readonly masters: readonly MasterEndpoint[]; readonly leader: MasterEndpoint | undefined },
  ): Work<ClusterModel> {
    const model = yield* readStateV1(getState, context, this.#entities);
    this.#entities.items.end();
    return model;
  }
}
