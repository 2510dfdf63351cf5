import type { ApiReply } from '../../core/http/server.ts';
import type { MediaType } from '../../core/http/v1-calls.ts';
import { encodeDocument } from '../../mesos/proto/index.ts';

/** A plain text answer without a line feed at its end, as Mesos writes errors. */
export function sendText(reply: ApiReply, status: number, body: string): ApiReply {
  return reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(Buffer.from(body));
}

const REASONS = new Map([
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [413, 'Payload Too Large'],
  [415, 'Unsupported Media Type'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
]);

/** `404 Not Found.` */
export function sendStatus(reply: ApiReply, status: number): ApiReply {
  return sendText(reply, status, `${status} ${REASONS.get(status) ?? 'Bad Request'}.`);
}

/** 200 or 202 without a body. */
export function sendEmpty(reply: ApiReply, status: number): ApiReply {
  return reply.code(status).header('content-length', '0').send();
}

export function sendJson(reply: ApiReply, value: unknown): ApiReply {
  return reply
    .code(200)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify(value)));
}

/** A document of a v1 API in the form that the client wants. `message`: what it is in protobuf, such as `master.Response`. */
export function sendDocument(reply: ApiReply, form: MediaType, message: string, value: unknown): ApiReply {
  return reply
    .code(200)
    .header('content-type', form)
    .send(encodeDocument(form, message, value));
}

export function sendMethodNotAllowed(
  reply: ApiReply,
  allowed: string | readonly string[],
  received: string,
): ApiReply {
  const methods = [allowed].flat();
  return sendText(
    reply.header('allow', methods.join(', ')),
    405,
    `405 Method Not Allowed. Expecting one of { ${methods.map((m) => `'${m}'`).join(', ')} }, but received '${received}'.`,
  );
}
