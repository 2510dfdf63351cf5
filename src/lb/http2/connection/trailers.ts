import { Fields, parseFields } from '../../http1/index.ts';
import { beginHeaders, endHeaders } from '../frames/index.ts';
import type { OutBuffer } from '../frames/index.ts';
import { Kind, LAST_PSEUDO } from '../hpack/index.ts';
import type { FieldBlock, HpackEncoder } from '../hpack/index.ts';

const MAX_TRAILERS = 128;

/** Write a trailer section (field lines with the empty line) as a HEADERS frame that ends the stream. False: nothing in it. */
export function encodeTrailers(
  section: Uint8Array,
  encoder: HpackEncoder,
  out: OutBuffer,
  stream: number,
): boolean {
  const fields = new Fields(MAX_TRAILERS);
  fields.reset(section);
  // Both sides of it have checked the section; what cannot be read all the same is left out.
  const end = parseFields(section, 0, section.length, fields, { error: undefined });
  if (end !== section.length || fields.count === 0) return false;
  const at = beginHeaders(out);
  encoder.begin(out);
  for (let i = 0; i < fields.count; i++) {
    encoder.field(
      out,
      section,
      fields.nameStart[i] as number,
      fields.nameEnd[i] as number,
      fields.valueStart[i] as number,
      fields.valueEnd[i] as number,
    );
  }
  endHeaders(out, at, stream, true);
  return true;
}

/**
 * A trailer block as the trailer section of HTTP/1.1, empty line included; undefined when it is malformed: pseudo-headers,
 * and fields that say how the message is framed or where it goes, must not come so late (RFC 9113 §8.1).
 */
export function trailerSection(block: FieldBlock): Uint8Array | undefined {
  if (block.tooLarge) return undefined;
  for (let i = 0; i < block.count; i++) {
    const kind = block.kind[i] as number;
    if (kind === Kind.BAD || (kind !== Kind.OTHER && kind <= LAST_PSEUDO)) return undefined;
    if (kind === Kind.HOST || kind === Kind.CONTENT_LENGTH) return undefined;
  }
  const section = new Uint8Array(block.length + 2);
  section.set(block.bytes.subarray(0, block.length));
  section.set(CRLF, block.length);
  return section;
}

const CRLF = [13, 10];
