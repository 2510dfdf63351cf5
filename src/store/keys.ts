import { storeErrors } from './errors.ts';

const KEY = /^[^/]+(\/[^/]+)*$/;

/** Throws STORE_BAD_KEY unless it is one. */
export function checkKey(key: string): void {
  if (!KEY.test(key)) throw storeErrors.STORE_BAD_KEY({ key });
}
