import type { AppEditor } from '../apps/editor.ts';
import type { MarathonConfig } from '../config.ts';
import type { Scheduler } from '../scheduler.ts';

/** What the handlers of the API work with. */
export interface ApiContext {
  readonly scheduler: Scheduler;
  readonly editor: AppEditor;
  readonly config: MarathonConfig;
  /** `host:port` of this API, as others reach it. */
  readonly self: () => string;
}
