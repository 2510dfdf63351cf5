import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { eventually } from './eventually.ts';
import { canSeeProcesses, killMarked, processesMarked } from './processes.ts';

// A setup file: of each file in test/e2e and test/chaos nothing is left, neither processes nor open sockets, timers and files. Every such file has
// a folder for temporary files of its own. Whatever its processes are told, they are told below it, so that is the mark to find them by.

const GONE_WITHIN_MS = 10_000;
/** What `process.getActiveResourcesInfo` calls that which keeps a process alive. Pipes are how this one talks to vitest. */
const OF_TESTS: ReadonlySet<string> = new Set([
  'FSEventWrap',
  'HTTP2SESSION',
  'MessagePort',
  'ProcessWrap',
  'TCPServerWrap',
  'TCPSocketWrap',
  'TLSWrap',
  'Timeout',
  'UDPWrap',
]);

const guarded = /\/test\/(e2e|chaos)\//.test(expect.getState().testPath ?? '');
if (guarded) gate();

function gate(): void {
  const before = process.env['TMPDIR'];
  // Short, for there are sockets in it whose paths must be.
  const folder = mkdtempSync(join(tmpdir(), 'rr-'));
  process.env['TMPDIR'] = folder;
  afterAll(async () => {
    try {
      await eventually('what the test has started to be over', () => leaks(folder), {
        timeoutMs: GONE_WITHIN_MS,
        accept: (left) => left.length === 0,
      });
    } finally {
      if (canSeeProcesses) killMarked(folder);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
  });
}

function leaks(folder: string): string[] {
  const processes = canSeeProcesses
    ? processesMarked(folder).map((p) => `process ${p.pid} ${p.command}`)
    : [];
  const open = process.getActiveResourcesInfo().filter((name) => OF_TESTS.has(name));
  // npm keeps its compiled code there.
  const files = readdirSync(folder).filter((name) => name !== 'node-compile-cache');
  return [...processes, ...open, ...files];
}
