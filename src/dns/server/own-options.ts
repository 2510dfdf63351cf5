import { COOKIE_BYTES } from '../answer/cookies.ts';
import type { Cookies } from '../answer/cookies.ts';
import { EDNS_OPTION, TYPE, questionEnd, u16 } from '../wire/index.ts';
import type { Query } from '../wire/index.ts';

/** What this server says about itself to clients that ask for it. */
export interface OwnOptions {
  readonly cookies: Cookies | undefined;
  /** Empty for nothing. */
  readonly nsid: Uint8Array;
  /** How long a TCP connection may be idle, in 100 ms. */
  readonly tcpIdleTenths: number;
}

/** Who asks, as far as these options go. `address` is 4 or 16 bytes. */
interface Client {
  readonly address: Uint8Array;
  readonly tcp: boolean;
  readonly nowSeconds: number;
  /** The most bytes that the client takes. */
  readonly limit: number;
}

/**
 * The reply with our cookie (RFC 7873 §5.2), our name (RFC 5001) and, over TCP, our patience (RFC 7828) in its OPT record, where the
 * client asks for them and `limit` leaves room; else as it is.
 */
export function withOwnOptions(reply: Uint8Array, query: Query, own: OwnOptions, client: Client): Uint8Array {
  const wanted = optionsFor(query, own, client);
  const optAt = wanted.length === 0 ? 0 : lastOpt(reply);
  if (optAt === 0) return reply;
  let whole = reply;
  for (const option of wanted) {
    if (whole.length + option.length > client.limit) continue;
    const longer = new Uint8Array(whole.length + option.length);
    longer.set(whole);
    longer.set(option, whole.length);
    whole = longer;
  }
  const length = whole.length - optAt - 11;
  whole[optAt + 9] = length >> 8;
  whole[optAt + 10] = length;
  return whole;
}

function optionsFor(
  { message }: Query,
  { cookies, nsid, tcpIdleTenths }: OwnOptions,
  { address, tcp, nowSeconds }: Client,
): Uint8Array[] {
  const asked = message.edns?.options ?? [];
  const wanted: Uint8Array[] = [];
  if (nsid.length > 0 && asked.some((o) => o.code === EDNS_OPTION.NSID))
    wanted.push(option(EDNS_OPTION.NSID, nsid));
  if (tcp && asked.some((o) => o.code === EDNS_OPTION.TCP_KEEPALIVE))
    wanted.push(option(EDNS_OPTION.TCP_KEEPALIVE, Uint8Array.of(tcpIdleTenths >> 8, tcpIdleTenths)));
  const cookie = asked.find((o) => o.code === EDNS_OPTION.COOKIE)?.data;
  if (cookies && cookie && cookie.length >= 8) {
    const data = new Uint8Array(COOKIE_BYTES);
    cookies.write(data, 0, cookie, 0, address, 0, address.length, nowSeconds);
    wanted.push(option(EDNS_OPTION.COOKIE, data));
  }
  return wanted;
}

function option(code: number, data: Uint8Array): Uint8Array {
  return Uint8Array.of(code >> 8, code, data.length >> 8, data.length, ...data);
}

/** Where the OPT record is, if the message ends with one, as all of ours do; else 0. */
function lastOpt(bytes: Uint8Array): number {
  if (u16(bytes, 4) !== 1) return 0;
  let at = questionEnd(bytes);
  for (let left = u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10); left > 0; left--) {
    const start = at;
    while (bytes[at] !== 0 && (bytes[at] as number) < 0xc0) at += (bytes[at] as number) + 1;
    at += bytes[at] === 0 ? 1 : 2;
    const isOpt = at === start + 1 && u16(bytes, at) === TYPE.OPT;
    at += 10 + u16(bytes, at + 8);
    if (isOpt) return left === 1 && at === bytes.length ? start : 0;
  }
  return 0;
}
