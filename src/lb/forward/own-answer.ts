import { FieldId } from '../http1/index.ts';
import type { Fields } from '../http1/index.ts';
import { reasons, statusText } from '../reasons.ts';
import type { ReasonCode } from '../reasons.ts';

/** What the client would like to read. */
export type AnswerForm = 'text' | 'json' | 'html';

export interface OwnAnswer {
  /** Host, service or address that it is about. */
  readonly detail?: string | undefined;
  /** Id of the route that the request had come to. */
  readonly route?: string | undefined;
  readonly form?: AnswerForm;
  readonly close: boolean;
  /** The request was HEAD. */
  readonly head: boolean;
  /** Instead of the reason's own. */
  readonly status?: number | undefined;
  /** Further header fields, each line with CRLF. */
  readonly fields?: string;
  /** All that is said, instead of what tells the reason. */
  readonly body?: string | undefined;
}

const LOOK =
  'GET /explain on the admin port of the load balancer tells why, /rejected which labels are set aside.';
const TYPES = { text: 'text/plain', json: 'application/json', html: 'text/html' };

/** The form that stands first in Accept (RFC 9110 §12.5.1); browsers put HTML there, programs JSON. */
export function acceptedForm(fields: Fields): AnswerForm {
  const i = fields.find(FieldId.ACCEPT);
  if (i < 0) return 'text';
  const first = fields.value(i).split(/[,;]/, 1)[0]?.trim().toLowerCase();
  if (first === 'text/html' || first === 'application/xhtml+xml') return 'html';
  return first === 'application/json' ? 'json' : 'text';
}

/**
 * An answer in our own name, as bytes: short, for people, with the reason code for programs. What in it depends on the
 * request is the detail and the form.
 */
export function ownAnswer(reason: ReasonCode, options: OwnAnswer): Uint8Array {
  const status = options.status ?? reasons[reason].status;
  const { form = 'text', fields = '' } = options;
  const body = Buffer.from(options.body ?? bodyOf(reason, status, form, options), 'utf8');
  const lines = [
    `HTTP/1.1 ${status} ${statusText.get(status) ?? 'Error'}`,
    `Content-Type: ${TYPES[form]}; charset=utf-8`,
    `Content-Length: ${body.length}`,
    'Cache-Control: no-store',
    `x-rimrock-reason: ${reason}`,
  ];
  if (status === 503) lines.push('Retry-After: 1');
  if (status === 405) lines.push('Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
  if (options.close) lines.push('Connection: close');
  const head = Buffer.from(`${lines.join('\r\n')}\r\n${fields}\r\n`, 'latin1');
  return options.head ? head : Buffer.concat([head, body]);
}

function bodyOf(
  reason: ReasonCode,
  status: number,
  form: AnswerForm,
  { detail, route }: Pick<OwnAnswer, 'detail' | 'route'>,
): string {
  const { text } = reasons[reason];
  // What the client itself has done wrong needs no look at the load balancer.
  const look = status === 404 || status >= 500 ? LOOK : undefined;
  if (form === 'json') return `${JSON.stringify({ status, reason, message: text, detail, route, look })}\n`;
  const about = detail === undefined ? '' : ` (${detail})`;
  const rule = route === undefined ? '' : `Rule: ${route}\n`;
  if (form === 'text')
    return `${status} ${reason}: ${text}${about}\n${rule}${look === undefined ? '' : `${look}\n`}`;
  const title = `${status} ${statusText.get(status) ?? ''}`;
  const lines = [`${text}${about}`, ...(route === undefined ? [] : [`Rule: ${route}`]), look ?? ''];
  const paragraphs = lines.filter((line) => line !== '').map((line) => `<p>${escaped(line)}</p>`);
  return `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p><code>${reason}</code></p>${paragraphs.join('')}\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign);
}
