import { authErrors } from '../errors.ts';

/**
 * Private keys at rest. Names are lower-case letters, digits, dots and dashes. What every implementation promises (and the contract suite
 * proves): after a crash at any moment a name holds the whole old or the whole new text; once `write` has resolved, the new one.
 */
export interface KeyStore {
  /** Undefined when there is none. Rejects with AUTH_KEY_UNREADABLE or AUTH_KEY_LOCKED. */
  read(name: string): Promise<string | undefined>;
  /** Rejects with AUTH_KEY_NOT_WRITTEN; then the old text is still there, or the new one whole. */
  write(name: string, text: string): Promise<void>;
  /** Gone for good when this resolves; harmless when there is none. */
  remove(name: string): Promise<void>;
  /** Sorted. */
  names(): Promise<readonly string[]>;
}

/** Where private keys are kept; `open` comes before anything else. */
export interface KeyPlace {
  readonly keys: KeyStore;
  open(): Promise<void>;
}

/** Neither hidden, nor a path, nor one of the names that a file system keeps for itself. */
const KEY_NAME = /^[a-z0-9][a-z0-9.-]{0,99}$/;

/** The name, or AUTH_KEY_BAD_NAME. */
export function checkKeyName(name: string): string {
  if (!KEY_NAME.test(name)) throw authErrors.AUTH_KEY_BAD_NAME({ name });
  return name;
}
