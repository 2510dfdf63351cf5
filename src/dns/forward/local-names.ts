import { CLASS_IN, RCODE, TYPE, isWithin, nameBytes, soaRdata } from '../wire/index.ts';
import type { ResourceRecord } from '../wire/index.ts';
import type { Answer } from './answer.ts';
import type { Asked } from './question.ts';

const TTL_SECONDS = 10_800;
const LOOPBACK6 = `1.${'0.'.repeat(31)}ip6.arpa.`;
const UNSPECIFIED6 = `0.${'0.'.repeat(31)}ip6.arpa.`;

/**
 * Names that no resolver elsewhere can know, and what is at them. Reverse zones of private networks (RFC 6303 §4.1) are not here: the
 * resolvers of a site do know those. `test.` neither: laboratories give it resolvers.
 */
const ZONES: readonly { readonly zone: string; readonly exists: boolean }[] = [
  { zone: 'localhost.', exists: true }, // RFC 6761 §6.3
  { zone: 'invalid.', exists: false }, // RFC 6761 §6.4
  { zone: 'onion.', exists: false }, // RFC 7686 §2
  { zone: 'resolver.arpa.', exists: true }, // RFC 9462 §6.4: about this resolver, so no other can tell
  { zone: '127.in-addr.arpa.', exists: false }, // from here on RFC 6303 §4.2 and §4.3
  { zone: '0.in-addr.arpa.', exists: false },
  { zone: '255.255.255.255.in-addr.arpa.', exists: false },
  { zone: LOOPBACK6, exists: false },
  { zone: UNSPECIFIED6, exists: false },
];

const RECORDS = new Map<string, readonly [type: number, rdata: Uint8Array][]>([
  [
    'localhost.',
    [
      [TYPE.A, Uint8Array.of(127, 0, 0, 1)],
      [TYPE.AAAA, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)],
    ],
  ],
  ['1.0.0.127.in-addr.arpa.', [[TYPE.PTR, nameBytes('localhost.') ?? new Uint8Array(1)]]],
  [LOOPBACK6, [[TYPE.PTR, nameBytes('localhost.') ?? new Uint8Array(1)]]],
]);

/** The answer for a special name, which must never be forwarded; undefined for all others. */
export function localAnswer(asked: Asked): Answer | undefined {
  const { name, type } = asked;
  const zone = ZONES.find((z) => isWithin(name, z.zone));
  if (!zone) return undefined;
  // Whatever is below localhost is localhost.
  const known = RECORDS.get(zone.zone === 'localhost.' ? 'localhost.' : name);
  const answers = (known ?? [])
    .filter(([t]) => t === type || type === TYPE.ANY)
    .map(([t, rdata]) => ({ name, type: t, class: CLASS_IN, ttl: TTL_SECONDS, rdata }));
  const nothing = { authenticData: false, truncated: false, ttlSeconds: 0 };
  if (answers.length > 0)
    return { kind: 'positive', rcode: RCODE.NOERROR, answers, authority: [], ...nothing };
  const exists = known !== undefined || zone.exists || name === zone.zone;
  const authority = [soaOf(zone.zone)];
  return exists
    ? { kind: 'nodata', rcode: RCODE.NOERROR, answers: [], authority, ...nothing }
    : { kind: 'nxdomain', rcode: RCODE.NXDOMAIN, answers: [], authority, ...nothing };
}

/** The SOA record that RFC 6303 §3 proposes. */
function soaOf(zone: string): ResourceRecord {
  const rdata = soaRdata({
    mname: zone,
    rname: 'nobody.invalid.',
    serial: 1,
    refresh: 3600,
    retry: 1200,
    expire: 604_800,
    minimum: TTL_SECONDS,
  });
  return { name: zone, type: TYPE.SOA, class: CLASS_IN, ttl: TTL_SECONDS, rdata: rdata ?? new Uint8Array(0) };
}
