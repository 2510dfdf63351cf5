import { sep } from 'node:path';

/** How far an archive may go. */
export interface Limits {
  readonly maxBytes: number;
  readonly maxFiles: number;
}

/**
 * The steps of the path of an entry below the folder that it is unpacked into; none for that folder itself. Throws where it leads
 * elsewhere, in words for people.
 */
export function entrySteps(name: string): string[] {
  if (name.includes('\0')) throw new Error(`the name ${JSON.stringify(name)} has a NUL`);
  if (name.startsWith('/')) throw new Error(`'${name}' is an absolute path`);
  if (sep === '\\' && /[\\:]/.test(name)) throw new Error(`'${name}' is no name for a file of this system`);
  const steps = name.split('/').filter((step) => step !== '' && step !== '.');
  if (steps.includes('..')) throw new Error(`'${name}' leads out of the sandbox`);
  return steps;
}

/**
 * Whether a link may stay: whatever other links there are, it leads to something inside. It may go up only at its beginning, and not
 * further than to the root: from there on each step goes down, and each link on the way down is one that may stay.
 */
export function checkLink(steps: readonly string[], target: string): void {
  const problem = `the link '${steps.join('/')}' leads out of the sandbox, to '${target}'`;
  if (target === '' || target.includes('\0') || target.startsWith('/')) throw new Error(problem);
  if (sep === '\\' && /[\\:]/.test(target)) throw new Error(problem);
  const way = target.split('/').filter((step) => step !== '' && step !== '.');
  const down = way.findIndex((step) => step !== '..');
  const ups = down === -1 ? way.length : down;
  if (ups > steps.length - 1 || way.includes('..', ups)) throw new Error(problem);
}
