import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { errorText } from '../../core/errors.ts';
import { openInside } from '../api/open-inside.ts';
import { prepare } from '../launcher/process/prepare.ts';

/**
 * The bytes of a file of this machine, if it is below one of `folders` after all links. With `user`, what that user may read: a program that
 * is the user already reads it. Throws in words for people.
 */
export async function* localFile(
  path: string,
  { folders, user, signal }: { folders: readonly string[]; user: string | undefined; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const entry = await openAllowed(path, folders);
  try {
    if (!entry.stats.isFile()) throw new Error('it is no file');
    const own = user === undefined ? undefined : await prepare({ argv: ['/bin/cat'], environment: {}, user });
    if (own?.user === undefined) {
      const file = await open(entry.path, constants.O_RDONLY | constants.O_NONBLOCK);
      yield* file.createReadStream() as AsyncIterable<Buffer>;
    } else yield* asUser({ ...own, path, name: user ?? '' }, signal);
  } finally {
    await entry.close();
  }
}

async function openAllowed(path: string, folders: readonly string[]) {
  for (const folder of folders) {
    try {
      const entry = await openInside(folder, path);
      if (entry !== 'outside') return entry;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw new Error(errorText(error), { cause: error });
      throw new Error('there is no such file on the agent', { cause: error });
    }
  }
  throw new Error('it is not below a folder that agent.fetcher.localFolders allows');
}

async function* asUser(
  reader: {
    readonly words: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
    readonly path: string;
    readonly name: string;
  },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const [program = '', ...words] = reader.words;
  const child = spawn(program, [...words, '--', reader.path], {
    cwd: '/',
    env: reader.environment,
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
    killSignal: 'SIGKILL',
  });
  const ended = once(child, 'close');
  ended.catch(() => {});
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error(`the user '${reader.name}' may not read it`);
  } finally {
    child.kill('SIGKILL');
  }
}
