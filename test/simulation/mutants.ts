import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand } from '../../scripts/support/run-command.ts';
import { root } from '../support/root.ts';
import { MUTANTS } from './mutant-list.ts';
import type { Mutant } from './mutant-list.ts';

// npm run simulate:mutants                  what the 200 seeds of `npm test` notice of code that is made wrong on purpose
// npm run simulate:mutants -- --only fence  those whose name has this in it

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '200' }, only: { type: 'string', default: '' } },
});

for (const mutant of MUTANTS.filter(({ what }) => what.includes(values.only)))
  console.log(`| ${mutant.what} | ${await noticed(mutant, values.seeds)} |`);

/** How many seeds notice it. */
async function noticed(mutant: Mutant, seeds: string): Promise<string> {
  const copy = mkdtempSync(join(tmpdir(), 'rimrock-mutant-'));
  try {
    for (const part of ['src', 'test', 'package.json'])
      cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    const file = join(copy, mutant.file);
    writeFileSync(file, mutated(readFileSync(file, 'utf8'), mutant));
    const command = ['test/simulation/simulate.ts', '--from', '1', '--seeds', seeds, '--stop-after', seeds];
    const { output } = await runCommand([process.execPath, ...command], {
      cwd: copy,
      env: process.env,
      timeoutMs: 3_600_000,
      quiet: true,
    });
    return /(\d+) failed;/.exec(output)?.[1] ?? `the simulation itself ended: ${output.slice(-300)}`;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function mutated(text: string, { what, from, to }: Mutant): string {
  if (text.split(from).length !== 2) throw new Error(`${what}: not once in its file: ${from}`);
  return text.replace(from, () => to);
}
