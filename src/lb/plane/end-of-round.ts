import type { Clock } from '../../core/clock.ts';
import type { PlaneThread } from '../../net/index.ts';

/** So many times in one turn of the engine what was put off may put off something again. */
const MOST_AGAIN = 64;

/**
 * Puts off what shall happen once the handlers of this round have returned, so that what several connections have to say leaves
 * in one send. Node's sockets are read one by one in a round that ends with its immediates. A turn of the linux engine is
 * one call: the microtasks behind it are its end, and immediates of theirs would sleep with the engine.
 */
export function endOfRound({
  engine,
  clock,
}: Pick<PlaneThread, 'engine' | 'clock'>): (f: () => void) => void {
  return engine === 'portable' ? (f) => void setImmediate(f) : afterTurn(clock);
}

function afterTurn(clock: Clock): (f: () => void) => void {
  let waiting: (() => void)[] = [];
  let turn = 0;
  let again = 0;
  const run = (): void => {
    const now = waiting;
    waiting = [];
    for (const f of now) f();
  };
  return (f) => {
    if (waiting.push(f) > 1) return;
    const now = clock.monotonic();
    again = now === turn ? again + 1 : 0;
    turn = now;
    // Who never comes to an end must not keep the engine from its turns.
    if (again < MOST_AGAIN) queueMicrotask(run);
    else clock.after(0, run);
  };
}
