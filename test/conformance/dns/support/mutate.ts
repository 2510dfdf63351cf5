import type { Random } from '../../../../src/core/random.ts';

const ODD = [0, 1, 12, 41, 63, 64, 127, 128, 191, 192, 252, 255];

/** Change a message in one to six places: bits, odd bytes, lengths, cuts, repeats, pointers, pieces of another one. */
export function mutate(seeds: readonly Uint8Array[], random: Random): Buffer {
  let bytes = Buffer.from(pick(seeds, random));
  for (let n = 1 + random.int(6); n > 0; n--) bytes = change(bytes, seeds, random);
  return bytes;
}

function change(bytes: Buffer, seeds: readonly Uint8Array[], random: Random): Buffer<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  const at = random.int(copy.length + 1);
  switch (random.int(8)) {
    case 0:
      if (at < copy.length) copy[at] = (copy[at] as number) ^ (1 << random.int(8));
      return copy;
    case 1:
      if (at < copy.length) copy[at] = ODD[random.int(ODD.length)] ?? 0;
      return copy;
    case 2:
      return copy.subarray(0, at);
    case 3: {
      const end = Math.min(copy.length, at + random.int(40));
      return Buffer.concat([copy.subarray(0, end), copy.subarray(at)]);
    }
    case 4:
      if (at + 2 <= copy.length) copy.writeUInt16BE(0xc000 | random.int(copy.length), at);
      return copy;
    case 5: {
      const other = Buffer.from(pick(seeds, random));
      return Buffer.concat([copy.subarray(0, at), other.subarray(random.int(other.length))]);
    }
    case 6:
      // A count of the header, or a length.
      if (copy.length >= 12) copy.writeUInt16BE(random.int(4), 4 + 2 * random.int(4));
      return copy;
    default: {
      const more = Buffer.from(random.bytes(random.int(20)));
      return Buffer.concat([copy.subarray(0, at), more, copy.subarray(at)]);
    }
  }
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random.int(list.length)] as T;
}
