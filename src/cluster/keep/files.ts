import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The disk, as far as the keeper uses it. Everything rejects with the system's error. */
export interface KeepFiles {
  read(path: string): AsyncIterable<Uint8Array>;
  /** Put a new file in the place of an old one, wholly or not at all, also when the machine fails. Only we may read it. */
  replace(path: string, pieces: Iterable<Uint8Array>): Promise<void>;
  rename(path: string, to: string): Promise<void>;
}

const READ_BYTES = 64 * 1024;

export const diskFiles: KeepFiles = {
  async *read(path) {
    const file = await open(path, 'r');
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, null);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  },

  async replace(path, pieces) {
    const fresh = `${path}.new`;
    const file = await open(fresh, 'w', 0o600);
    try {
      await file.chmod(0o600); // it may be left from before
      for (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },

  rename,
};
