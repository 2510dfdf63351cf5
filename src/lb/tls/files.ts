import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The files that certificates are in. */
export interface CertificateFiles {
  /** Rejects when it cannot be read. */
  read(path: string): Promise<string>;
  /** Full paths of what is in a folder. */
  list(directory: string): Promise<readonly string[]>;
}

/** Larger ones are not read: a PEM file with a long chain has 10 KiB. */
const MOST_BYTES = 1024 * 1024;

export const certificateFiles: CertificateFiles = {
  async read(path) {
    const text = await readFile(path, 'utf8');
    if (text.length > MOST_BYTES) throw new Error('larger than 1 MiB');
    return text;
  },
  async list(directory) {
    const names = await readdir(directory);
    return names.sort().map((name) => join(directory, name));
  },
};
