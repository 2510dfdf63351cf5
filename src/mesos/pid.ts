/** A libprocess address: `master@10.0.0.1:5050`, `slave(1)@[2001:db8::1]:5051`. */
export interface Upid {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Parse `name@host:port` (quotes and blanks around it are tolerated); undefined when it is not one. */
export function parseUpid(text: string): Upid | undefined {
  const m = /^([^@]*)@(\[[^\]]+\]|[^:@\s]+):(\d{1,5})$/.exec(text.trim().replace(/^"|"$/g, ''));
  if (!m) return undefined;
  const port = Number(m[3]);
  if (port < 1 || port > 65535) return undefined;
  return { name: m[1] ?? '', host: (m[2] ?? '').replace(/^\[|\]$/g, ''), port };
}

/** MasterInfo.ip: the IPv4 address in network order read as a little-endian integer (127.0.0.1 is 16777343). */
export function ipToUint32(ip: string): number {
  const parts = ip.split('.').map(Number);
  if (parts.length !== 4 || parts.some((p) => !Number.isInteger(p) || p < 0 || p > 255)) return 0;
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  return a + b * 256 + c * 65536 + d * 16777216;
}
