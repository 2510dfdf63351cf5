import { openPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import type { TreeWriter } from './tree-writer.ts';

/** The kind of a file, in the upper half of its attributes where those are of Unix (APPNOTE.TXT §4.4.15, stat(2)). */
const KIND = 0o170000;
const KINDS: ReadonlyMap<number, 'file' | 'folder' | 'link'> = new Map([
  [0, 'file'],
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
]);
const UNIX = 3;
const ENCRYPTED = 1;
const MAX_LINK = 4096;

/** Unpack a zip archive. Rejects, in words for people, at the first thing that is not to be. */
export async function unpackZip(path: string, into: TreeWriter): Promise<void> {
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) await take(zip, entry, into);
  } finally {
    zip.close();
  }
}

async function take(zip: ZipFile, entry: Entry, into: TreeWriter): Promise<void> {
  const isUnix = entry.versionMadeBy >>> 8 === UNIX;
  const name = (isUnix ? utf8(entry.fileNameRaw) : undefined) ?? entry.fileName;
  const mode = isUnix ? entry.externalFileAttributes >>> 16 : 0;
  const kind = name.endsWith('/') ? 'folder' : KINDS.get(mode & KIND);
  if (kind === undefined) throw new Error(`'${name}' is a device or a pipe, which is not unpacked`);
  if (kind === 'folder') return into.folder(name);
  if (entry.generalPurposeBitFlag & ENCRYPTED) throw new Error(`'${name}' is encrypted`);
  const content = await zip.openReadStreamPromise(entry);
  if (kind === 'link') return into.link(name, await linkTarget(name, content));
  await into.file(name, mode === 0 ? 0o644 : mode, content);
}

/** zip(1) on Unix writes names as they are, and does not say that they are UTF-8. */
function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function linkTarget(name: string, content: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.byteLength;
    if (bytes > MAX_LINK) throw new Error(`the link '${name}' is too long`);
    parts.push(chunk);
  }
  return Buffer.concat(parts).toString('utf8');
}
