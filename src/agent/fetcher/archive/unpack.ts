import { errorText } from '../../../core/errors.ts';
import { basename } from 'node:path';
import type { ArchiveKind } from '../uri.ts';
import { decompressed, gunzipped } from './decompress.ts';
import type { Limits } from './names.ts';
import { unpackTar } from './tar.ts';
import { TreeWriter } from './tree-writer.ts';
import { unpackZip } from './zip.ts';

/**
 * Unpack an archive into an empty folder where nobody else writes: either all of it, or it rejects in words for people (with the reason of
 * `signal` when that aborts), and what is there is of no use. `name` is what a single packed file is called, with its `.gz`.
 */
export async function unpack(
  kind: ArchiveKind,
  archive: { readonly path: string; readonly name: string },
  folder: string,
  limits: Limits,
  signal: AbortSignal,
): Promise<void> {
  const into = new TreeWriter(folder, limits, signal);
  const { path, name } = archive;
  try {
    if (kind === 'zip') await unpackZip(path, into);
    else if (kind === 'tar') await unpackTar(decompressed(path, signal), into);
    else await into.file(basename(name, '.gz'), 0o644, gunzipped(path));
    await into.finish();
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`it could not be unpacked: ${errorText(error)}`, { cause: error });
  }
}
