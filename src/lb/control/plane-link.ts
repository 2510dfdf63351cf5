import type { PlaneOrder, PlaneSetup, PlaneWord } from '../plane/messages.ts';

/** A running plane as the main thread sees it. */
export interface PlaneLink {
  readonly engine: 'linux' | 'portable';
  /** Why this engine. */
  readonly reason: string;
  /** Orders arrive in their sequence; after the plane's end they are lost. */
  send(order: PlaneOrder): void;
  /** End it by force, at once; resolves after `onExit`. */
  terminate(): Promise<void>;
}

export interface PlaneEvents {
  readonly onWord: (word: PlaneWord) => void;
  /** The plane is gone, and nothing comes from it any more: by itself, by force, or with what it died of. Once. */
  readonly onExit: (error: Error | undefined) => void;
}

/** Starts a plane: on a thread of its own, or, for tests, on this one. Rejects when the engine does not run here. */
export type StartPlane = (plane: number, setup: PlaneSetup, events: PlaneEvents) => Promise<PlaneLink>;
