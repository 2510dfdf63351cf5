import {
  DerError,
  DerReader,
  TAG,
  context,
  contextPlain,
  oidText,
  readWhole,
  smallInteger,
  timeOf,
} from '../../core/der.ts';

/** What a certificate says, as far as judging it needs (RFC 5280 §4.1). Names are kept as DER, to be compared byte by byte. */
export interface Certificate {
  readonly der: Buffer;
  readonly version: number;
  readonly serial: Buffer;
  /** The algorithm within what is signed, and the one beside the signature: DER each. */
  readonly signedAlgorithm: Buffer;
  readonly algorithm: Buffer;
  /** Dotted. */
  readonly algorithmOid: string;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly extensions: ReadonlyMap<string, Extension>;
  /** Whether one of them stands there twice. */
  readonly duplicates: boolean;
}

export interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}

export const EXTENSION = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyId: '2.5.29.35',
  extendedUsage: '2.5.29.37',
} as const;

/** Throws DerError for what is no certificate. */
export function parseCertificate(bytes: Uint8Array): Certificate {
  return readWhole(bytes, (outer) => {
    const whole = outer.next(TAG.sequence);
    return readWhole(whole.body, (reader) => {
      const body = reader.next(TAG.sequence);
      const algorithm = reader.next(TAG.sequence);
      reader.next(TAG.bits);
      return {
        der: whole.whole,
        algorithm: algorithm.whole,
        algorithmOid: oidText(new DerReader(algorithm.body).next(TAG.oid).body),
        ...readWhole(body.body, readBody),
      };
    });
  });
}

type Body = Omit<Certificate, 'der' | 'algorithm' | 'algorithmOid'>;

function readBody(reader: DerReader): Body {
  const explicit = reader.optional(context(0));
  const version = explicit ? smallInteger(new DerReader(explicit.body).next(TAG.integer).body) + 1 : 1;
  const serial = reader.next(TAG.integer).body;
  const signedAlgorithm = reader.next(TAG.sequence).whole;
  const issuer = reader.next(TAG.sequence).whole;
  const validity = reader.inside();
  const notBeforeMs = timeOf(validity.next());
  const notAfterMs = timeOf(validity.next());
  const subject = reader.next(TAG.sequence).whole;
  reader.next(TAG.sequence); // the key: node:crypto reads it
  reader.optional(contextPlain(1)); // unique ids of issuer and subject, of no use
  reader.optional(contextPlain(2));
  const wrapped = reader.optional(context(3));
  const { extensions, duplicates } = wrapped
    ? readWhole(wrapped.body, (r) => readExtensions(r.inside()))
    : { extensions: new Map<string, Extension>(), duplicates: false };
  return {
    version,
    serial,
    signedAlgorithm,
    issuer,
    subject,
    notBeforeMs,
    notAfterMs,
    extensions,
    duplicates,
  };
}

function readExtensions(reader: DerReader): Pick<Certificate, 'extensions' | 'duplicates'> {
  const extensions = new Map<string, Extension>();
  let duplicates = false;
  while (!reader.done) {
    const one = reader.inside();
    const id = oidText(one.next(TAG.oid).body);
    const critical = one.optional(TAG.boolean);
    const value = one.next(TAG.octets).body;
    one.end();
    duplicates ||= extensions.has(id);
    extensions.set(id, { critical: critical?.body[0] === 0xff, value });
  }
  return { extensions, duplicates };
}

export interface BasicConstraints {
  readonly authority: boolean;
  /** How many authorities may stand between it and a leaf. */
  readonly pathLength: number | undefined;
}

export function basicConstraints({ value }: Extension): BasicConstraints {
  return readWhole(value, (reader) => {
    const inside = reader.inside();
    const authority = inside.optional(TAG.boolean)?.body[0] === 0xff;
    const length = inside.optional(TAG.integer);
    inside.end();
    return { authority, pathLength: length && smallInteger(length.body) };
  });
}

/** Bits of a key usage, the first (`digitalSignature`) highest. */
export const USAGE = { digitalSignature: 0x80, certSign: 0x04, crlSign: 0x02 } as const;

export function keyUsage({ value }: Extension): number {
  const { body } = readWhole(value, (reader) => reader.next(TAG.bits));
  if (body.length < 2) return 0;
  return body[1] ?? 0;
}

/** Dotted. */
export function extendedUsages({ value }: Extension): string[] {
  return readWhole(value, (reader) => {
    const inside = reader.inside();
    const all: string[] = [];
    while (!inside.done) all.push(oidText(inside.next(TAG.oid).body));
    return all;
  });
}

export function subjectKeyId({ value }: Extension): Buffer {
  return readWhole(value, (reader) => reader.next(TAG.octets)).body;
}

/** Undefined if it names the issuer in another way. */
export function authorityKeyId({ value }: Extension): Buffer | undefined {
  return readWhole(value, (reader) => reader.inside()).optional(contextPlain(0))?.body;
}

/** What RFC 5280 §4.2.1.6 lets stand as a name. */
export type Name =
  | { readonly kind: 'uri' | 'dns' | 'email'; readonly text: string }
  | { readonly kind: 'ip'; readonly bytes: Buffer }
  | { readonly kind: 'other'; readonly tag: number };

export function alternativeNames({ value }: Extension): Name[] {
  return readWhole(value, (reader) => {
    const inside = reader.inside();
    const names: Name[] = [];
    while (!inside.done) names.push(nameOf(inside));
    return names;
  });
}

const TEXT_KINDS: ReadonlyMap<number, 'email' | 'dns' | 'uri'> = new Map([
  [contextPlain(1), 'email'],
  [contextPlain(2), 'dns'],
  [contextPlain(6), 'uri'],
]);

function nameOf(reader: DerReader): Name {
  const { tag, body } = reader.next();
  const kind = TEXT_KINDS.get(tag);
  if (kind) {
    if (body.some((byte) => byte >= 0x80 || byte < 0x20)) throw new DerError('a name that is no text');
    return { kind, text: body.toString('latin1') };
  }
  return tag === contextPlain(7) ? { kind: 'ip', bytes: body } : { kind: 'other', tag };
}

/** Names below which an authority may, or may not, issue (RFC 5280 §4.2.1.10). */
export interface NameConstraints {
  readonly permitted: readonly Name[];
  readonly excluded: readonly Name[];
}

export function nameConstraints({ value }: Extension): NameConstraints {
  return readWhole(value, (reader) => {
    const inside = reader.inside();
    const permitted = subtrees(inside.optional(context(0))?.body);
    const excluded = subtrees(inside.optional(context(1))?.body);
    inside.end();
    return { permitted, excluded };
  });
}

function subtrees(body: Buffer | undefined): Name[] {
  if (!body) return [];
  const reader = new DerReader(body);
  const names: Name[] = [];
  while (!reader.done) {
    const tree = reader.inside();
    names.push(nameOf(tree));
    if (!tree.done) throw new DerError('a subtree with distances');
  }
  return names;
}
