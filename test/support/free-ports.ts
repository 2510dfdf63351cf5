import { LANES, lane } from '../../src/core/testing/free-ports.ts';

export { freePorts } from '../../src/core/testing/free-ports.ts';

const WINDOW = 500;
const WINDOWS = 24;
/** Windows of this file's half, in random order, for other runs on this machine choose as well. */
let windows: number[] = [];

/** The first of 500 ports for tasks: of another window each time, as long as there are any. */
export function taskPorts(): number {
  if (windows.length === 0) {
    windows = Array.from({ length: WINDOWS / LANES }, (_, i) => LANES * i + lane).sort(
      () => Math.random() - 0.5,
    );
  }
  return 20_000 + WINDOW * (windows.pop() ?? 0);
}
