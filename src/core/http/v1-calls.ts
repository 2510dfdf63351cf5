import type { Decoded, JsonObject } from '../json/decode.ts';
import { parseJson } from '../json/decode.ts';
import type { ApiRequest } from './server.ts';

/** The forms that the v1 APIs of Mesos have calls, answers and events in. */
export type MediaType = 'application/json' | 'application/x-protobuf';

/** How one of the v1 APIs of Mesos reads its calls. */
export interface CallReader {
  /** `scheduler::Call`, as the refusals name it. */
  readonly name: string;
  decode(json: unknown): Decoded<JsonObject>;
  /** The JSON that a body of protobuf stands for; undefined when it is not a call. Absent: the API takes and gives JSON only. */
  fromProtobuf?(body: Uint8Array): unknown;
  /** What is wrong with the call as a whole. */
  problem(call: JsonObject): string | undefined;
  /** Whether the Accept header matters to this call. */
  checksAccept(call: JsonObject): boolean;
  /** How the API words its refusals, where it is not as the scheduler API does. */
  readonly wording?: Wording;
}

export interface Wording {
  readonly contentType: string;
  readonly accept: string;
  readonly badProtobuf: string;
  /** Before what is wrong with the JSON of a call. */
  readonly badCall: string;
}

const WORDING: Wording = {
  contentType: "Expecting 'Content-Type' of application/json or application/x-protobuf",
  accept: "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
  badProtobuf: 'Failed to parse body into Call protobuf',
  badCall: 'Failed to convert JSON into Call protobuf: ',
};

/** Why a request holds no call that could be answered. */
export interface CallRefusal {
  readonly status: 400 | 406 | 415;
  readonly text: string;
}

export interface ReadCall {
  readonly call: JsonObject;
  /** The form that the client wants to be answered in. */
  readonly answerAs: MediaType;
}

/** The call in a POST, or the refusal that every v1 API of Mesos gives, in the same order (mesos-api.md §1.1, §2.1). */
export function examineCall(request: ApiRequest, api: CallReader): ReadCall | CallRefusal {
  const wording = api.wording ?? WORDING;
  const type = request.headers['content-type'];
  if (type === undefined) return { status: 400, text: "Expecting 'Content-Type' to be present" };
  const binary = type === 'application/x-protobuf' && api.fromProtobuf !== undefined;
  if (type !== 'application/json' && !binary) return { status: 415, text: wording.contentType };
  const call = binary ? fromProtobuf(request, api, wording) : fromJson(request, api, wording);
  if (!call.ok) return { status: 400, text: call.problem };
  const problem = api.problem(call.value);
  if (problem !== undefined) return { status: 400, text: `Failed to validate ${api.name}: ${problem}` };
  const answerAs = acceptedType(request.headers.accept, api.fromProtobuf !== undefined);
  if (answerAs === undefined && api.checksAccept(call.value)) return { status: 406, text: wording.accept };
  return { call: call.value, answerAs: answerAs ?? 'application/json' };
}

function fromJson(request: ApiRequest, api: CallReader, wording: Wording): Decoded<JsonObject> {
  const json = parseJson(bodyText(request));
  if (!json.ok) return { ok: false, problem: `Failed to parse body into JSON: ${json.problem}` };
  const call = api.decode(json.value);
  return call.ok ? call : { ok: false, problem: wording.badCall + call.problem };
}

/** By way of the JSON that it stands for, so that a call is judged in one place. */
function fromProtobuf(request: ApiRequest, api: CallReader, wording: Wording): Decoded<JsonObject> {
  const json = api.fromProtobuf?.(Buffer.isBuffer(request.body) ? request.body : new Uint8Array());
  const call = json === undefined ? undefined : api.decode(json);
  return call?.ok === true ? call : { ok: false, problem: wording.badProtobuf };
}

export function bodyText(request: ApiRequest): string {
  return Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
}

/**
 * What a client takes; JSON where it takes both, whatever its weights say (but `q=0`, which is no). No header means
 * everything, an empty one nothing.
 */
export function acceptedType(header: string | undefined, protobuf = true): MediaType | undefined {
  const takes = (wanted: MediaType): boolean =>
    header === undefined ||
    header.split(',').some((range) => {
      const [type = '', ...parameters] = range.split(';').map((p) => p.trim());
      if (![wanted, 'application/*', '*/*'].includes(type)) return false;
      return !parameters.some((p) => /^q=0(\.0*)?$/.test(p));
    });
  if (takes('application/json')) return 'application/json';
  return protobuf && takes('application/x-protobuf') ? 'application/x-protobuf' : undefined;
}
