import { mayOf } from '../../../core/access.ts';
import type { Authorizer, May } from '../../../core/access.ts';
import { subjectOf } from '../../../core/http/guard.ts';
import type { ApiRequest } from '../../../core/http/server.ts';
import type { AppEditor } from '../apps/editor.ts';
import type { MarathonConfig } from '../config.ts';
import type { Standing } from '../../../store/index.ts';
import type { Scheduler } from '../scheduler.ts';

/** What the API is made of. */
export interface ApiParts {
  readonly scheduler: Scheduler;
  readonly editor: AppEditor;
  readonly config: MarathonConfig;
  /** `host:port` of this API, as others reach it. */
  readonly self: () => string;
  /** Whether this one leads; a leader is known by its `host:port`. */
  readonly standing: () => Standing<string>;
  /** Who may do what; absent: everybody everything. */
  readonly authorizer?: Authorizer | undefined;
}

/** What the handlers of the API work with, for the length of one request. */
export interface ApiContext extends ApiParts {
  /** What whoever sent the request may do. */
  readonly may: May;
}

export function contextOf(parts: ApiParts, request: ApiRequest): ApiContext {
  return { ...parts, may: mayOf(parts.authorizer, subjectOf(request)) };
}
