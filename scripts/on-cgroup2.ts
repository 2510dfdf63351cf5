/**
 * Runs tests on a Linux kernel that has control groups of version 2 and none of version 1, whatever the kernel of this machine has: in
 * User Mode Linux, a kernel as a program (Debian's package user-mode-linux). It sees the files of this machine, and cannot change them.
 *
 *   npm run cgroup2 [-- test files]
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const LIMIT_MS = 30 * 60_000;
const TESTS = [
  'src/agent/launcher/cgroup',
  'src/agent/containment.test.ts',
  'src/agent/containers',
  'src/mesh',
  'test/chaos/agent-kill.test.ts',
  'test/interop/executors.test.ts',
];

/** Everything that is written to is in memory, so it ends with the kernel; the project is seen at /mnt, as it may be in /tmp. */
const init = (project: string, tests: readonly string[]): string => `#!/bin/sh
export PATH='${process.env['PATH']}' HOME=/tmp CI=true
mount -t proc proc /proc && mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t hostfs none /mnt -o '${project}'
for place in /tmp /run /var/tmp /var/lib /var/log; do mount -t tmpfs tmpfs $place; done
ip link set lo up
uname -sr; cat /sys/fs/cgroup/cgroup.controllers
cd /mnt && '${process.execPath}' node_modules/vitest/vitest.mjs run --no-file-parallelism --testTimeout=300000 ${tests.join(' ')}
echo "tests ended with $?"
echo o > /proc/sysrq-trigger; sleep 60
`;

async function main(): Promise<number> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) throw new Error('this needs root on Linux');
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-cgroup2-'));
  try {
    const file = join(folder, 'init');
    const asked = process.argv.slice(2);
    writeFileSync(file, init(dirname(import.meta.dirname), asked.length > 0 ? asked : TESTS));
    chmodSync(file, 0o755);
    return await boot(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function boot(file: string): Promise<number> {
  const kernel = [
    'mem=4G',
    'rootfstype=hostfs',
    'ro',
    `init=${file}`,
    'quiet',
    'con=null',
    'con0=fd:0,fd:1',
    'ssl=null',
  ];
  const child = spawn('linux.uml', kernel, { stdio: ['ignore', 'pipe', 'inherit'], timeout: LIMIT_MS });
  let text = '';
  child.stdout.on('data', (piece: Buffer) => {
    process.stdout.write(piece);
    text = (text + piece.toString()).slice(-4_000);
  });
  return new Promise((resolve, reject) => {
    child.on('error', (error) =>
      reject(new Error('linux.uml cannot be run: apt-get install user-mode-linux', { cause: error })),
    );
    child.on('close', () => {
      const status = /tests ended with (\d+)/.exec(text)?.[1];
      if (status === undefined) reject(new Error('the kernel ended before its tests did'));
      else resolve(Number(status));
    });
  });
}

process.exitCode = await main();
