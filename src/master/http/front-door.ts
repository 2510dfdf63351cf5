import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { Decoded, JsonObject } from '../input/decode.ts';
import { parseJson } from '../input/decode.ts';
import { sendMethodNotAllowed, sendText } from './answers.ts';

/** How one of the v1 APIs reads its calls. */
export interface CallReader {
  /** `scheduler::Call`, as the refusals name it. */
  readonly name: string;
  decode(json: unknown): Decoded<JsonObject>;
  /** What is wrong with the call as a whole. */
  problem(call: JsonObject): string | undefined;
  /** Whether the Accept header matters to this call. */
  checksAccept(call: JsonObject): boolean;
}

interface Refusal {
  readonly status: 400 | 406 | 415;
  readonly text: string;
}

/** The call in a request; undefined when it was refused, which is then answered. */
export function readCall(request: ApiRequest, reply: ApiReply, api: CallReader): JsonObject | undefined {
  if (request.method !== 'POST') {
    sendMethodNotAllowed(reply, 'POST', request.method);
    return undefined;
  }
  const read = examine(request, api);
  if ('call' in read) return read.call;
  sendText(reply, read.status, read.text);
  return undefined;
}

/** The refusals that every v1 API of Mesos gives in the same order (mesos-api.md §1.1). */
function examine(request: ApiRequest, api: CallReader): { readonly call: JsonObject } | Refusal {
  const type = request.headers['content-type'];
  if (type === undefined) return { status: 400, text: "Expecting 'Content-Type' to be present" };
  if (type !== 'application/json')
    return { status: 415, text: "Expecting 'Content-Type' of application/json or application/x-protobuf" };
  const json = parseJson(bodyText(request));
  if (!json.ok) return { status: 400, text: `Failed to parse body into JSON: ${json.problem}` };
  const call = api.decode(json.value);
  if (!call.ok) return { status: 400, text: `Failed to convert JSON into Call protobuf: ${call.problem}` };
  const problem = api.problem(call.value);
  if (problem !== undefined) return { status: 400, text: `Failed to validate ${api.name}: ${problem}` };
  if (api.checksAccept(call.value) && !acceptsJson(request.headers.accept))
    return {
      status: 406,
      text: "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    };
  return { call: call.value };
}

export function bodyText(request: ApiRequest): string {
  return Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
}

/** Whether a client takes JSON: no header means yes, an empty one no. */
export function acceptsJson(header: string | undefined): boolean {
  if (header === undefined) return true;
  return header.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((p) => p.trim());
    if (!['application/json', 'application/*', '*/*'].includes(type)) return false;
    return !parameters.some((p) => /^q=0(\.0*)?$/.test(p));
  });
}

/** The stream id that a client repeats in its calls. */
export function streamIdOf(request: ApiRequest): string | undefined {
  const header = request.headers['mesos-stream-id'];
  return Array.isArray(header) ? header[0] : header;
}
