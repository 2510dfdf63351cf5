import { ipv6Text } from '../../core/ip.ts';
import { u16 } from './bytes.ts';
import { TYPE } from './constants.ts';
import { decodeMessage } from './decode.ts';
import type { ResourceRecord } from './message.ts';
import { textOfName } from './name.ts';

const NAMES = new Map<number, string>(Object.entries(TYPE).map(([name, type]) => [type, name]));

/** `SRV`, or `TYPE65` (RFC 3597 §5) for one without a name here. */
export function typeName(type: number): string {
  return NAMES.get(type) ?? `TYPE${type}`;
}

/** The number of a type as people write it: `srv`, `TYPE65` or `65`; undefined when it is none. */
export function typeNumber(text: string): number | undefined {
  const upper = text.toUpperCase();
  if (Object.hasOwn(TYPE, upper)) return TYPE[upper as keyof typeof TYPE];
  const digits = /^(?:TYPE)?(\d{1,5})$/.exec(upper)?.[1];
  return digits !== undefined && Number(digits) <= 65_535 ? Number(digits) : undefined;
}

/** A record's data as in a zone file (RFC 1035 §5), names in full; what is not known here as RFC 3597 §5 has it. */
export function dataText({ type, rdata }: ResourceRecord): string {
  switch (type) {
    case TYPE.A:
      return rdata.join('.');
    case TYPE.AAAA:
      return ipv6Text(rdata);
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.DNAME:
      return textOfName(rdata);
    case TYPE.MX:
      return `${u16(rdata, 0)} ${textOfName(rdata, 2)}`;
    case TYPE.SRV:
      return `${u16(rdata, 0)} ${u16(rdata, 2)} ${u16(rdata, 4)} ${textOfName(rdata, 6)}`;
    case TYPE.SOA:
      return soaText(rdata);
    case TYPE.TXT:
      return strings(rdata);
    default: {
      const hex = Array.from(rdata, (b) => b.toString(16).padStart(2, '0')).join('');
      return `\\# ${rdata.length} ${hex}`.trim();
    }
  }
}

function soaText(rdata: Uint8Array): string {
  const rnameAt = endOfName(rdata, 0);
  const at = endOfName(rdata, rnameAt);
  const numbers = [0, 4, 8, 12, 16].map((i) => u16(rdata, at + i) * 65_536 + u16(rdata, at + i + 2));
  return [textOfName(rdata), textOfName(rdata, rnameAt), ...numbers].join(' ');
}

function endOfName(bytes: Uint8Array, from: number): number {
  let at = from;
  for (let n = bytes[at]; n !== undefined && n !== 0; n = bytes[at]) at += n + 1;
  return at + 1;
}

function strings(rdata: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < rdata.length; at += 1 + (rdata[at] as number)) {
    const bytes = rdata.subarray(at + 1, at + 1 + (rdata[at] as number));
    parts.push(`"${new TextDecoder().decode(bytes).replaceAll(/["\\]/g, '\\$&')}"`);
  }
  return parts.join(' ');
}

/** The answers of a message, `name TTL type data` a line. */
export function recordLines(message: Uint8Array): string[] {
  const decoded = decodeMessage(message);
  if (!decoded.ok) return [];
  return decoded.message.answers.map((r) => `${r.name} ${r.ttl} ${typeName(r.type)} ${dataText(r)}`);
}
