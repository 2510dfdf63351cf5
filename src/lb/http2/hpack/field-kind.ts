import { TOKEN } from '../../http1/chars.ts';

/** What a field is to HTTP/2; judged once, when its name is first seen, and remembered with it in the dynamic table. */
export const Kind = {
  /** A regular field that means nothing to the framing. */
  OTHER: 0,
  METHOD: 1,
  SCHEME: 2,
  AUTHORITY: 3,
  PATH: 4,
  PROTOCOL: 5,
  STATUS: 6,
  HOST: 7,
  CONTENT_LENGTH: 8,
  COOKIE: 9,
  TE: 10,
  /** Makes the message malformed (RFC 9113 §8.2): a bad name or value, a field of one connection, an unknown pseudo-header. */
  BAD: 11,
} as const;

/** Kinds up to this one, OTHER excepted, are pseudo-headers. */
export const LAST_PSEUDO = Kind.STATUS;

const KNOWN: ReadonlyMap<string, number> = new Map<string, number>([
  [':method', Kind.METHOD],
  [':scheme', Kind.SCHEME],
  [':authority', Kind.AUTHORITY],
  [':path', Kind.PATH],
  [':protocol', Kind.PROTOCOL],
  [':status', Kind.STATUS],
  ['host', Kind.HOST],
  ['content-length', Kind.CONTENT_LENGTH],
  ['cookie', Kind.COOKIE],
  ['te', Kind.TE],
  ['connection', Kind.BAD],
  ['proxy-connection', Kind.BAD],
  ['keep-alive', Kind.BAD],
  ['transfer-encoding', Kind.BAD],
  ['upgrade', Kind.BAD],
]);

interface Known {
  readonly name: string;
  readonly kind: number;
}
const BY_LENGTH: (readonly Known[] | undefined)[] = [];
for (const [name, kind] of KNOWN)
  BY_LENGTH[name.length] = [...(BY_LENGTH[name.length] ?? []), { name, kind }];

const COLON = 58;

/** The kind of a field by its name in bytes. */
export function kindOf(bytes: Uint8Array, start: number, end: number): number {
  const candidates = BY_LENGTH[end - start];
  if (candidates !== undefined) {
    for (const known of candidates) if (isText(bytes, start, known.name)) return known.kind;
  }
  if (start === end || bytes[start] === COLON) return Kind.BAD;
  for (let i = start; i < end; i++) {
    const c = bytes[i] as number;
    if (TOKEN[c] === 0 || (c >= 65 && c <= 90)) return Kind.BAD;
  }
  return Kind.OTHER;
}

function isText(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
  return true;
}
