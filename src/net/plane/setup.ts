/** What the main thread gives a plane's thread to begin with (as `workerData`). */
export type PlaneSetup = {
  readonly worker: number;
  readonly setup: unknown;
  /** One word: whether to stop. */
  readonly control: SharedArrayBuffer;
  readonly logLevel: string;
} & (
  | { readonly engine: 'portable' }
  /** A write to the eventfd `wake` ends its sleep. `ledger` says which descriptors are open. */
  | { readonly engine: 'linux'; readonly wake: number; readonly ledger: SharedArrayBuffer }
);

/** What a thread posts: its owner's messages, lines of its log (JSON), and that `run` is over. */
export type FromPlane = { readonly message: unknown } | { readonly line: string } | 'ended';

/** What the main thread posts to a portable plane, which has no eventfd to be woken by. */
export type ToPlane = { readonly message: unknown } | 'stop';

export const STOP = 0;
