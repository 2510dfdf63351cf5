import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ReadStream } from 'node:tty';
import type { World } from './world.ts';

const ENTER = new Set(['\r', '\n', '\u0004']);
const ERASE = new Set(['\u007f', '\b']);

/** How this process is told secrets, and keeps them. */
export function processSecrets(): Pick<World, 'askHidden' | 'writePrivateFile'> {
  return {
    askHidden: (question) => askHidden(question, process.stdin, process.stderr),
    async writePrivateFile(path, text) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      // A new file: one that is there keeps its mode when it is written to.
      await rm(path, { force: true });
      await writeFile(path, text, { mode: 0o600, flag: 'wx' });
    },
  };
}

/** Ask on a terminal for what shall not be seen; undefined when it is none, or with Ctrl-C. */
async function askHidden(
  question: string,
  input: ReadStream,
  output: { write(text: string): unknown },
): Promise<string | undefined> {
  if (!input.isTTY) return undefined;
  output.write(question);
  input.setRawMode(true);
  input.setEncoding('utf8');
  input.resume();
  const typed = await new Promise<string | undefined>((resolve) => {
    let text = '';
    const onData = (piece: string): void => {
      for (const letter of piece) {
        if (letter === '\u0003' || ENTER.has(letter)) {
          input.off('data', onData);
          return resolve(letter === '\u0003' ? undefined : text);
        }
        text = ERASE.has(letter) ? text.slice(0, -1) : text + letter;
      }
    };
    input.on('data', onData);
  });
  input.setRawMode(false);
  input.pause();
  output.write('\n');
  return typed;
}
