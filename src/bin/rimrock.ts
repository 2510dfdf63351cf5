import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { enableCompileCache } from 'node:module';
import { dirname } from 'node:path';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';

// As bin/rimrock.mjs does, which is the better way to start: this file itself is compiled before it says so.
enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/rimrock', import.meta.url)));
const { systemClock } = await import('../core/clock.ts');
const { systemRandom } = await import('../core/random.ts');
const { main, processMachine, processMemory, processOutput, processSecrets } =
  await import('../platform/index.ts');

const manifest = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };

// SIGHUP from a terminal that has gone away: there is nobody left to run for.
const hungUp = (): boolean => process.stderr.isTTY && !isatty(2);

const status = await main(process.argv.slice(2), {
  version,
  ...processOutput(),
  folder: process.cwd(),
  environment: process.env,
  nodeFolder: dirname(process.execPath),
  clock: systemClock,
  random: systemRandom,
  memory: processMemory(),
  readFile: (path) => readFile(path, 'utf8'),
  ...processSecrets(),
  onStopRequest(f) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => f(signal));
    process.on('SIGHUP', () => hungUp() && f('SIGHUP'));
  },
  onReloadRequest: (f) => void process.on('SIGHUP', () => hungUp() || f()),
  onUpgradeRequest: (f) => void process.on('SIGUSR2', f),
  machine: processMachine(),
  onFileChange(path, f) {
    watchFile(path, { interval: 2_000, persistent: false }, f);
    return () => unwatchFile(path, f);
  },
  onCrash(f) {
    const crash = (error: unknown): void => {
      f(error);
      process.exit(1);
    };
    process.on('uncaughtException', crash);
    process.on('unhandledRejection', crash);
  },
  exit: (code) => process.exit(code),
});

// Pipes take what was written before the process ends.
await new Promise<void>((done) => void process.stdout.write('', () => done()));
process.exit(status);
