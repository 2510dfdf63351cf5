import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import { sendJson, sendText } from './answers.ts';

/** The parameters of a v0 request; the last one counts. */
export type Query = Readonly<Record<string, string | undefined>>;

export function queryOf(request: ApiRequest): Query {
  const out: Record<string, string | undefined> = {};
  for (const [key, value] of Object.entries(request.query as Record<string, string | string[]>))
    out[key] = Array.isArray(value) ? value.at(-1) : value;
  return out;
}

/** `jsonp=cb` wraps the answer; a callback that is no plain name would be script injection and is refused. */
export function sendMaybeJsonp(reply: ApiReply, query: Query, value: unknown): ApiReply {
  const { jsonp } = query;
  if (jsonp === undefined) return sendJson(reply, value);
  if (!isCallback(jsonp)) return sendBadCallback(reply);
  return reply
    .code(200)
    .header('content-type', 'text/javascript')
    .send(Buffer.from(`${jsonp}(${JSON.stringify(value)})`));
}

/** Whether the parameter `jsonp` may be what it is; none is fine. */
export function isCallback(jsonp: string | undefined): boolean {
  return jsonp === undefined || /^[\w$.]+$/.test(jsonp);
}

export function sendBadCallback(reply: ApiReply): ApiReply {
  return sendText(reply, 400, "Expecting 'jsonp' to be the name of a function");
}
