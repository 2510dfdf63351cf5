import { open, stat } from 'node:fs/promises';

/** Where lines go. */
export interface LogFile {
  write(text: string): Promise<void>;
  /** The path leads to this very file still; false after a rotation. */
  inPlace(): Promise<boolean>;
  close(): Promise<void>;
}

/** Opens a file to append to; made when it is missing, for its owner and group to read. */
export type OpenLogFile = (path: string) => Promise<LogFile>;

export const openLogFile: OpenLogFile = async (path) => {
  if (path === 'stdout') return STDOUT;
  const handle = await open(path, 'a', 0o640);
  return {
    write: async (text) => {
      await handle.appendFile(text, 'utf8');
    },
    inPlace: async () => {
      const [here, there] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)]);
      return there !== undefined && here.ino === there.ino && here.dev === there.dev;
    },
    close: () => handle.close(),
  };
};

const STDOUT: LogFile = {
  write: (text) =>
    new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
    }),
  inPlace: async () => true,
  close: async () => {},
};
