/**
 * Ask `condition` again and again until it gives something other than false or undefined (or what `accept` takes), and
 * return that. What it throws counts as "not yet". After `timeoutMs` reject, saying what was waited for and what was
 * seen last.
 */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  options: {
    readonly timeoutMs?: number;
    readonly everyMs?: number;
    readonly accept?: (value: T) => boolean;
  } = {},
): Promise<Exclude<T, false | undefined>> {
  const {
    timeoutMs = 10_000,
    everyMs = 25,
    accept = (value: T) => value !== false && value !== undefined,
  } = options;
  const deadline = performance.now() + timeoutMs;
  let last: unknown = 'nothing';
  for (;;) {
    try {
      const value = await condition();
      if (accept(value)) return value as Exclude<T, false | undefined>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms for ${what}; last: ${show(last)}`, { cause: last });
    }
    await pause(everyMs);
  }
}

function show(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
}

/** The time between two questions of a poll, or the length of a measurement. Never a guess at when something is done. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
