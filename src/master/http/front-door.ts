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

/**
 * The refusals that every v1 API of Mesos gives in the same order (mesos-api.md §1.1): method, Content-Type, body,
 * call, Accept. Answers itself and returns undefined when the call is refused.
 */
export function readCall(request: ApiRequest, reply: ApiReply, api: CallReader): JsonObject | undefined {
  if (request.method !== 'POST') return refuse(sendMethodNotAllowed(reply, 'POST', request.method));
  const type = request.headers['content-type'];
  if (type === undefined) return refuse(sendText(reply, 400, "Expecting 'Content-Type' to be present"));
  if (type !== 'application/json')
    return refuse(
      sendText(reply, 415, "Expecting 'Content-Type' of application/json or application/x-protobuf"),
    );
  const json = parseJson(bodyText(request));
  if (!json.ok) return refuse(sendText(reply, 400, `Failed to parse body into JSON: ${json.problem}`));
  const call = api.decode(json.value);
  if (!call.ok)
    return refuse(sendText(reply, 400, `Failed to convert JSON into Call protobuf: ${call.problem}`));
  const problem = api.problem(call.value);
  if (problem !== undefined)
    return refuse(sendText(reply, 400, `Failed to validate ${api.name}: ${problem}`));
  if (api.checksAccept(call.value) && !acceptsJson(request.headers.accept))
    return refuse(
      sendText(reply, 406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"),
    );
  return call.value;
}

function refuse(_reply: ApiReply): undefined {
  return undefined;
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
