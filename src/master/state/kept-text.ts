/**
 * Texts outside of the heap: hundreds of thousands of them stand one behind the other in a few hundred blocks, so that a full
 * collection of garbage has nothing to look at but who refers to them. What was written is never changed, and nobody gives anything
 * back: who needs a text has it, with the block it stands in, and a block goes when nobody refers to it any more. A walk over all that are in
 * use (`keep`) takes the few that a block is still there for out of it.
 */

const FIRST_BLOCK = 64 * 1024;
const LARGEST_BLOCK = 1024 * 1024;

interface Block {
  readonly bytes: Buffer;
  /** The walk in which `used` was begun, the sum of that walk, and that of the one before. */
  walk: number;
  used: number;
  usedBefore: number;
}

/** A text in a block; ASCII, so characters are bytes. */
export interface KeptText {
  readonly block: Block;
  readonly start: number;
  readonly length: number;
}

/** `from` and `to` count from the beginning of the text. */
export function readText({ block, start, length }: KeptText, from = 0, to = length): string {
  return block.bytes.toString('latin1', start + from, start + Math.min(to, length));
}

/** Puts the bytes of the text into `target`; there has to be place for them. */
export function copyText({ block, start, length }: KeptText, target: Buffer, at: number): void {
  block.bytes.copy(target, at, start, start + length);
}

export class KeptTexts {
  #block: Block = blockOf(0);
  #filled = 0;
  #walk = 0;

  /** A text of what is in `before` up to `shared` and, behind that, `more`. All of it has to be ASCII. */
  add(more: string, before?: KeptText, shared = 0): KeptText {
    const length = shared + more.length;
    const start = this.#room(length);
    const { bytes } = this.#block;
    if (before) before.block.bytes.copy(bytes, start, before.start, before.start + shared);
    bytes.write(more, start + shared, 'latin1');
    this.#meet(this.#block);
    this.#block.used += length;
    return { block: this.#block, start, length };
  }

  /** A walk over all texts that are in use begins. */
  beginWalk(): void {
    this.#walk++;
  }

  /** To be called once in a walk for each text in use: the text, or the same in another block if too little of this one is in use. */
  keep(text: KeptText): KeptText {
    const { block } = text;
    this.#meet(block);
    if (block !== this.#block && block.usedBefore < block.bytes.length / 2)
      return this.add('', text, text.length);
    block.used += text.length;
    return text;
  }

  #meet(block: Block): void {
    if (block.walk === this.#walk) return;
    // one that no walk has seen yet is new
    block.usedBefore = block.walk === 0 ? block.bytes.length : block.used;
    block.used = 0;
    block.walk = this.#walk;
  }

  #room(length: number): number {
    if (this.#filled + length > this.#block.bytes.length) {
      const size = Math.min(LARGEST_BLOCK, Math.max(FIRST_BLOCK, this.#block.bytes.length * 2));
      this.#block = blockOf(Math.max(size, length));
      this.#filled = 0;
    }
    const start = this.#filled;
    this.#filled += length;
    return start;
  }
}

function blockOf(size: number): Block {
  return { bytes: Buffer.allocUnsafeSlow(size), walk: 0, used: 0, usedBefore: 0 };
}
