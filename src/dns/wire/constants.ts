/** Numbers of the DNS protocol, by their names in the IANA registries. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;

export const OPCODE_QUERY = 0;

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

const RCODE_NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));

/** The mnemonic of a response code, or its number as text. */
export function rcodeName(rcode: number): string {
  return RCODE_NAMES.get(rcode) ?? String(rcode);
}

/** Extended DNS errors (RFC 8914 §4). */
export const EDE = {
  STALE_ANSWER: 3,
  NOT_READY: 14,
  PROHIBITED: 18,
  NO_REACHABLE_AUTHORITY: 22,
} as const;

/** EDNS option codes. */
export const EDNS_OPTION = { NSID: 3, COOKIE: 10, TCP_KEEPALIVE: 11, EDE: 15 } as const;

/** The size of a UDP reply for a client that does not speak EDNS (RFC 1035 §4.2.1). */
export const PLAIN_UDP_LIMIT = 512;
export const TCP_LIMIT = 65535;
export const HEADER_BYTES = 12;
