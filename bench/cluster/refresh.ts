import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { follow } from './follower.ts';
import type { Report } from './follower.ts';
import { serveMaster } from './master.ts';

/**
 * What following a master costs at 10,000 and 100,000 tasks: `npm run bench:watch [-- <tasks> ...]`. A fake master
 * and the follower are processes of their own, this same file with a role.
 */
type Mode = 'poll' | 'stream';

/** The young generation as `bin/rimrock.mjs` has it. */
const FLAGS = ['--expose-gc', '--semi-space-growth-factor=1'];

const [role, ...words] = process.argv.slice(2);
if (role === 'master') serveMaster(Number(words[0]), words[1] as Mode);
else if (role === 'follower') await follow(Number(words[0]), words[1] as Mode);
else await run(process.argv.slice(2).map(Number));

async function run(sizes: readonly number[]): Promise<void> {
  const reports = new Map<string, Report>();
  for (const tasks of sizes.length > 0 ? sizes : [10_000, 100_000])
    for (const mode of ['poll', 'stream'] as const) {
      const master = child([], 'master', tasks, mode);
      try {
        const { port, bytes } = (await answer(master)) as { readonly port: number; readonly bytes: number };
        const report = await answer(child(FLAGS, 'follower', port, mode));
        reports.set(`${mode} ${tasks}`, { 'document MB': bytes / 1e6, ...report });
      } finally {
        master.kill();
      }
    }
  print(reports);
}

function child(flags: readonly string[], role: string, ...args: readonly (number | string)[]): ChildProcess {
  const self = fileURLToPath(import.meta.url);
  return spawn(process.execPath, [...flags, self, role, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** The one line of JSON that a child prints. */
async function answer(process: ChildProcess): Promise<Report> {
  if (!process.stdout) throw new Error('a child without output');
  const [line] = (await once(createInterface(process.stdout), 'line')) as [string];
  return JSON.parse(line) as Report;
}

function print(reports: ReadonlyMap<string, Report>): void {
  const names = [...reports.keys()];
  const rows = new Set([...reports.values()].flatMap((r) => Object.keys(r)));
  console.log(`| | ${names.join(' | ')} |`);
  console.log(`|---|${names.map(() => '---').join('|')}|`);
  for (const row of rows) {
    const cells = names.map((n) => {
      const value = reports.get(n)?.[row];
      return value === undefined ? '' : value.toFixed(value < 20 ? 1 : 0);
    });
    console.log(`| ${row} | ${cells.join(' | ')} |`);
  }
}
