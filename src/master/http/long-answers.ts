import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { sendPieces, textPieces, writtenPieces } from '../../core/http/long-answer.ts';
import type { Pieces } from '../../core/http/long-answer.ts';
import type { ApiReply } from '../../core/http/server.ts';
import type { MediaType } from '../../core/http/v1-calls.ts';
import { jsonTexts } from '../../core/json/long-list.ts';
import { sharedRest } from '../../core/slices.ts';
import type { Rest, Work } from '../../core/slices.ts';
import type { Logger } from '../../core/log.ts';
import { asciiJson } from '../../mesos/index.ts';
import { longProtobuf } from '../../mesos/proto/index.ts';

/** The state of a large cluster must not keep everybody else waiting: of a turn of the event loop all long answers together get this. */
const SLICE_MS = 8;

type Json = Readonly<Record<string, unknown>>;

/** A document, or what it takes long to make it; it has long lists where it grows with the cluster. */
export type Document = Json | readonly unknown[] | Work<Json>;

/** Answers of any length: made in slices, sent as they are read (`src/core/http/long-answer.ts`). */
export class LongAnswers {
  /** What these works, and others like them, share. */
  readonly rest: Rest;
  readonly #log: Logger;

  constructor(clock: Clock, log: Logger) {
    this.rest = sharedRest(SLICE_MS, clock, (f) => void setImmediate(f));
    this.#log = log;
  }

  /** As JSON; `call`: the function that it is an argument of, in JavaScript. `make` is asked when it is its turn. */
  json(reply: ApiReply, make: () => Document, call?: string): Promise<ApiReply> {
    if (call === undefined) return this.#send(reply, 'application/json', () => json(make()));
    return this.#send(reply, 'text/javascript', () => json(make(), `${call}(`, ')'));
  }

  /** In the form that the client wants. `message`: what it is in protobuf, such as `master.Response`. */
  document(reply: ApiReply, form: MediaType, message: string, make: () => Json): Promise<ApiReply> {
    const pieces = (): Pieces =>
      form === 'application/json' ? json(make()) : writtenPieces(longProtobuf(message, make()));
    return this.#send(reply, form, pieces);
  }

  async #send(reply: ApiReply, type: string, pieces: () => Pieces): Promise<ApiReply> {
    // Pictures of the state are taken in one go: many who ask at once wait for each other before that, too.
    if (this.rest.due()) await this.rest.take();
    try {
      return await sendPieces(reply, { 'content-type': type }, pieces(), this.rest);
    } catch (error) {
      if (reply.raw.headersSent)
        this.#log.error({ error: errorText(error), url: reply.request.url }, 'a long answer was broken off');
      throw error;
    }
  }
}

function* json(document: Document, before = '', after = ''): Pieces {
  const made = isWork(document) ? yield* document : document;
  yield* textPieces(
    (function* () {
      yield [before];
      yield* jsonTexts(made, asciiJson);
      yield [after];
    })(),
  );
}

function isWork(document: Document): document is Work<Json> {
  return 'next' in document && typeof document.next === 'function';
}
