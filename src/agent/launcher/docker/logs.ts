import { open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../core/clock.ts';
import type { Engine } from './engine.ts';
import { isFileMissing } from './files.ts';
import type { LogPiece } from './log-frames.ts';
import { LogFrames, sinceOf } from './log-frames.ts';

/**
 * Copies what a container writes into `stdout` and `stderr` of its sandbox, each byte once, however often the agent or
 * the engine is restarted. The engine keeps the output; the files themselves say how far the copy is: `position` names a piece
 * (by its time) and the length that the file had after it, so what the file is longer by has been copied since. It
 * is written now and then, so that little is read twice, and nothing depends on its being fresh. Terminals have no times: their
 * output is read from its beginning.
 */
export interface LogCopy {
  /** The engine's name of the container. */
  readonly id: string;
  readonly sandbox: string;
  readonly runtimeDir: string;
  readonly tty: boolean;
}

const STREAMS = ['stdout', 'stderr'] as const;
type StreamName = (typeof STREAMS)[number];

interface Position {
  /** The last piece that is counted; empty: none. */
  at: string;
  /** Length of the file with it. */
  offset: number;
}
type Positions = Record<StreamName, Position>;

const POSITION_FILE = 'docker-logs.json';
const SAVE_EVERY_MS = 1_000;

/** Remember where the output of a container will begin, before there is any. */
export async function beginLogs(copy: Pick<LogCopy, 'sandbox' | 'runtimeDir'>): Promise<void> {
  const [stdout, stderr] = await Promise.all(STREAMS.map((name) => lengthOf(join(copy.sandbox, name))));
  await save(copy.runtimeDir, {
    stdout: { at: '', offset: stdout ?? 0 },
    stderr: { at: '', offset: stderr ?? 0 },
  });
}

/** Copy until the output ends or `signal` aborts. Rejects when the engine or the disk fails; then it may be begun again. */
export async function copyLogs(
  engine: Engine,
  clock: Clock,
  copy: LogCopy,
  signal: AbortSignal,
): Promise<void> {
  const positions = await load(copy.runtimeDir);
  const files: FileHandle[] = [];
  try {
    const writers = {} as Record<StreamName, StreamWriter>;
    for (const name of STREAMS) {
      const file = await open(join(copy.sandbox, name), 'a', 0o644);
      files.push(file);
      writers[name] = new StreamWriter(file, (await file.stat()).size, positions[name]);
    }
    const output = await follow(engine, copy, positions, signal);
    const frames = copy.tty ? undefined : new LogFrames();
    let savedAt = clock.monotonic();
    const writeDown = (): Promise<void> =>
      save(copy.runtimeDir, { stdout: writers.stdout.position, stderr: writers.stderr.position });
    for await (const chunk of output) {
      const bytes = chunk as Buffer;
      const pieces = frames ? frames.take(bytes) : [{ stream: 'stdout' as const, at: '', bytes }];
      for (const name of STREAMS) await writers[name].write(pieces.filter((p) => p.stream === name));
      if (clock.monotonic() - savedAt < SAVE_EVERY_MS) continue;
      savedAt = clock.monotonic();
      await writeDown();
    }
    await writeDown();
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

class StreamWriter {
  readonly #file: FileHandle;
  /** Where the last piece ends that was given and has a time. */
  readonly position: Position;
  /** Bytes that are in the file already. */
  #skip: number;
  readonly #before: string;

  constructor(file: FileHandle, size: number, position: Position) {
    this.#file = file;
    // a file that somebody has shortened is gone on with
    this.#skip = Math.max(0, size - position.offset);
    this.#before = position.at;
    this.position = { ...position, offset: Math.min(size, position.offset) };
  }

  async write(pieces: readonly LogPiece[]): Promise<void> {
    const fresh: Buffer[] = [];
    for (const { at, bytes } of pieces) {
      if (at !== '' && at <= this.#before) continue;
      const known = Math.min(this.#skip, bytes.length);
      this.#skip -= known;
      if (known < bytes.length) fresh.push(bytes.subarray(known));
      if (at === '') continue;
      this.position.at = at;
      this.position.offset += bytes.length;
    }
    if (fresh.length > 0) await writeAll(this.#file, Buffer.concat(fresh));
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}

async function follow(
  engine: Engine,
  copy: LogCopy,
  positions: Positions,
  signal: AbortSignal,
): Promise<NodeJS.ReadableStream> {
  const first = [positions.stdout.at, positions.stderr.at].sort()[0] ?? '';
  return engine.stream('follow the output of a container', (docker) =>
    docker.getContainer(copy.id).logs({
      follow: true,
      stdout: true,
      stderr: true,
      timestamps: !copy.tty,
      abortSignal: signal,
      ...(first === '' || copy.tty ? {} : { since: sinceOf(first) as unknown as number }),
    }),
  );
}

async function load(runtimeDir: string): Promise<Positions> {
  try {
    return JSON.parse(await readFile(join(runtimeDir, POSITION_FILE), 'utf8')) as Positions;
  } catch (error) {
    if (!isFileMissing(error) && !(error instanceof SyntaxError)) throw error;
    return { stdout: { at: '', offset: 0 }, stderr: { at: '', offset: 0 } };
  }
}

async function save(runtimeDir: string, positions: Positions): Promise<void> {
  const path = join(runtimeDir, POSITION_FILE);
  await writeFile(`${path}.new`, JSON.stringify(positions));
  await rename(`${path}.new`, path);
}

async function lengthOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isFileMissing(error)) return 0;
    throw error;
  }
}
