import { isIP } from 'node:net';
import { FieldId } from '../http1/index.ts';
import type { Fields } from '../http1/index.ts';

/**
 * The client that a trusted proxy speaks for: the last address in X-Forwarded-For that is not itself a trusted proxy, for
 * what stands before it was said by nobody we trust. Undefined: the field says nothing that can be relied on.
 */
export function forwardedClient(fields: Fields, isTrusted: (ip: string) => boolean): string | undefined {
  if (!fields.has(FieldId.X_FORWARDED_FOR)) return undefined;
  let found: string | undefined;
  for (const item of fields.list(FieldId.X_FORWARDED_FOR).toReversed()) {
    const ip = plainAddress(item);
    if (ip === undefined) return found;
    found = ip;
    if (!isTrusted(ip)) return ip;
  }
  return found;
}

/** Without port and brackets. */
function plainAddress(text: string): string | undefined {
  const inner = /^\[([0-9a-f:.]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([0-9.]+):\d+$/.exec(text)?.[1] ?? text;
  return isIP(inner) === 0 ? undefined : inner;
}

/** Whether the client speaks TLS with a trusted proxy. */
export function forwardedSecurely(fields: Fields): boolean {
  return fields.has(FieldId.X_FORWARDED_PROTO) && fields.isJust(FieldId.X_FORWARDED_PROTO, 'https');
}
