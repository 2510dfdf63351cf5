import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Collect all garbage of this thread at once, and let go of what can be made again (bytecode of functions that ran once). For threads
 * that have loaded and not begun to serve: 20 ms, and one that makes no garbage later would never collect what its start left.
 * V8 shows its collector only to contexts that are made while this flag is set.
 */
export function collectAll(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: { type: 'major'; flavor: 'last-resort' }) => void;
  collect({ type: 'major', flavor: 'last-resort' });
}
