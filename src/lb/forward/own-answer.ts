import { reasons, statusText } from '../reasons.ts';
import type { ReasonCode } from '../reasons.ts';

/**
 * An answer in our own name, as bytes: plain text for people, the reason code for programs. `detail` (the host that
 * was asked for, or the service) is the only thing in it that depends on the request.
 */
export function ownAnswer(
  reason: ReasonCode,
  options: { readonly detail?: string; readonly close: boolean; readonly head: boolean },
): Uint8Array {
  const { status, text } = reasons[reason];
  const detail = options.detail === undefined ? '' : ` (${options.detail})`;
  const body = `${status} ${reason}: ${text}${detail}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${statusText.get(status) ?? 'Error'}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    'Cache-Control: no-store',
    `x-rimrock-reason: ${reason}`,
  ];
  if (status === 503) lines.push('Retry-After: 1');
  if (status === 405) lines.push('Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  if (options.close) lines.push('Connection: close');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${options.head ? '' : body}`, 'latin1');
}
