import { asText, at, member } from '../model/index.ts';

/** The events that change what we read of apps; Marathon sends no others when asked for these. */
export const EVENT_TYPES = [
  'api_post_event',
  'app_terminated_event',
  'deployment_success',
  'group_change_success',
  'health_status_changed_event',
  'add_health_check_event',
  'remove_health_check_event',
  'event_stream_attached',
] as const;

/** These say all of an app in one; the rest change more than they name. */
const OF_ONE_APP: ReadonlySet<string> = new Set([
  'app_terminated_event',
  'health_status_changed_event',
  'add_health_check_event',
  'remove_health_check_event',
]);

/** What an event means to us. Events come in any order, twice, or never (marathon.md §7), so they are only hints of where to look. */
export type Hint =
  | { readonly look: 'app'; readonly id: string }
  | { readonly look: 'everywhere' }
  | { readonly look: 'nowhere' };

const NOWHERE: Hint = { look: 'nowhere' };
const EVERYWHERE: Hint = { look: 'everywhere' };

/** `data` of one event. What cannot be read may be anything. */
export function hintOf(data: string): Hint {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return EVERYWHERE;
  }
  const type = asText(member(json, 'eventType'));
  if (type === undefined) return EVERYWHERE;
  if (type === 'event_stream_attached') return NOWHERE;
  const id = asText(member(json, 'appId')) ?? asText(at(json, 'appDefinition', 'id'));
  if (id?.startsWith('/') === true && (OF_ONE_APP.has(type) || type === 'api_post_event'))
    return { look: 'app', id };
  return (EVENT_TYPES as readonly string[]).includes(type) ? EVERYWHERE : NOWHERE;
}

const LF = 10;
const DATA = 'data:';

/**
 * Cuts a stream of server-sent events into the data of its events. Each `data` line counts by itself: Marathon's data is on one
 * line, and now and then two events come as one. A line that is too long is told as undefined, without being kept.
 */
export class EventLines {
  readonly #onData: (data: string | undefined) => void;
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #length = 0;
  #tooLong = false;

  constructor(onData: (data: string | undefined) => void, maxBytes: number) {
    this.#onData = onData;
    this.#maxBytes = maxBytes;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    for (;;) {
      const end = bytes.indexOf(LF, from);
      this.#add(bytes.subarray(from, end < 0 ? bytes.length : end));
      if (end < 0) return;
      this.#line();
      from = end + 1;
    }
  }

  #add(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length > this.#maxBytes) {
      this.#tooLong = true;
      this.#pieces = [];
    } else if (piece.length > 0) this.#pieces.push(Buffer.from(piece));
  }

  #line(): void {
    const tooLong = this.#tooLong;
    const text = tooLong ? '' : Buffer.concat(this.#pieces).toString().replace(/\r+$/, '');
    this.#pieces = [];
    this.#length = 0;
    this.#tooLong = false;
    if (tooLong) this.#onData(undefined);
    else if (text.startsWith(DATA)) this.#onData(text.slice(DATA.length).trim());
  }
}
