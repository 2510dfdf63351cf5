import type { World } from './world.ts';

/** Where this process says something. */
export function processOutput(): Pick<World, 'out' | 'outBytes' | 'outWidth' | 'err' | 'errIsTerminal'> {
  const { stdout, stderr } = process;
  // A reader that went away (`rimrock --help | head -1`) is no reason to crash.
  for (const stream of [stdout, stderr]) stream.on('error', () => {});
  return {
    out: (text) => void stdout.write(text),
    outBytes: (bytes) =>
      new Promise((done, fail) => {
        stdout.write(bytes, (error) => (error ? fail(error) : done()));
      }),
    outWidth: stdout.isTTY ? stdout.columns : undefined,
    err: (text) => void stderr.write(text),
    errIsTerminal: stderr.isTTY,
  };
}
