import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

/** First bytes, and how what follows is read: by us, or by a program of the system that only turns bytes into bytes. */
const FORMATS: readonly {
  readonly magic: readonly number[];
  readonly program?: readonly [string, ...string[]];
}[] = [
  { magic: [0x1f, 0x8b] },
  { magic: [0x42, 0x5a, 0x68], program: ['bzip2', '-dc'] },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], program: ['xz', '-dc', '--memlimit-decompress=256MiB'] },
];

/** What is in a file, without its compression (gzip, bzip2, xz; told by its first bytes). Ends at once when `signal` aborts. */
export async function* decompressed(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const first = await firstBytes(path);
  const format = FORMATS.find(({ magic }) => magic.every((byte, i) => first[i] === byte));
  if (format?.program) yield* through(format.program, path, signal);
  else if (format) yield* gunzipped(path);
  else yield* createReadStream(path) as AsyncIterable<Buffer>;
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
    return buffer;
  } finally {
    await file.close();
  }
}

/** What was packed with gzip(1). Throws zlib's error where it is damaged or cut. */
export async function* gunzipped(path: string): AsyncGenerator<Uint8Array> {
  const source = createReadStream(path);
  const gunzip = createGunzip();
  source.on('error', (error) => gunzip.destroy(error));
  try {
    yield* source.pipe(gunzip) as AsyncIterable<Buffer>;
  } finally {
    source.destroy();
  }
}

async function* through(
  [program, ...words]: readonly [string, ...string[]],
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  const env = { PATH: '/usr/bin:/bin' };
  const child = spawn(program, words, {
    stdio: [file.fd, 'pipe', 'pipe'],
    env,
    signal,
    killSignal: 'SIGKILL',
  });
  const ended = once(child, 'close');
  ended.catch(() => {});
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(0, 300)));
  try {
    yield* child.stdout as Readable as AsyncIterable<Buffer>;
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error(said.trim() || `${program} ended with status ${code}`);
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(`this machine has no ${program}(1), which is needed to read it`, { cause: error });
  } finally {
    child.kill('SIGKILL');
    await file.close();
  }
}
