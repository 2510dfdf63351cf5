import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import { examineCall } from '../../core/http/v1-calls.ts';
import type { CallReader, ReadCall } from '../../core/http/v1-calls.ts';
import { sendMethodNotAllowed, sendText } from './answers.ts';

export { bodyText } from '../../core/http/v1-calls.ts';
export type { CallReader } from '../../core/http/v1-calls.ts';

/** The call in a request; undefined when it was refused, which is then answered. */
export function readCall(request: ApiRequest, reply: ApiReply, api: CallReader): ReadCall | undefined {
  if (request.method !== 'POST') {
    sendMethodNotAllowed(reply, 'POST', request.method);
    return undefined;
  }
  const read = examineCall(request, api);
  if ('call' in read) return read;
  sendText(reply, read.status, read.text);
  return undefined;
}

/** The stream id that a client repeats in its calls. */
export function streamIdOf(request: ApiRequest): string | undefined {
  const header = request.headers['mesos-stream-id'];
  return Array.isArray(header) ? header[0] : header;
}
