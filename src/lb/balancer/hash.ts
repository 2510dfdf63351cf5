/** Spread every bit of a 32-bit number over all others (the finalizer of MurmurHash3). */
export function mix(h: number): number {
  let x = h;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** 32 bits of a text (FNV-1a, mixed): the same in every plane and after every restart. Not for secrets. */
export function hashText(text: string, seed = 0x811c9dc5): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h);
}

/** 64 bits of a text as 16 hexadecimal digits: names an instance towards clients without telling its address. */
export function digest(text: string): string {
  const high = hashText(text, 0x2f0b4c47);
  const low = hashText(text, 0x6a09e667 ^ high);
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}
