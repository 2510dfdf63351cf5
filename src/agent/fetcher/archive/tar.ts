import type { Readable } from 'node:stream';
import { once } from 'node:events';
import { extract } from 'tar-stream';
import type { Headers } from 'tar-stream';
import type { TreeWriter } from './tree-writer.ts';

/** Bytes between two entries (long names, attributes, padding): the parser keeps them in memory. */
const MAX_BETWEEN = 8 * 1024 * 1024;

/** Unpack a tar archive that comes without compression. Rejects, in words for people, at the first thing that is not to be. */
export async function unpackTar(source: AsyncIterable<Uint8Array>, into: TreeWriter): Promise<void> {
  const parser = extract();
  let between = 0;
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {});
  parser.on('error', broken.reject);
  parser.on('entry', (header, content, goOn) => {
    const onData = (): void => void (between = 0);
    onData();
    take(header, content, into, onData).then(goOn, broken.reject);
  });
  const finished = once(parser, 'finish');
  finished.catch(() => {});
  try {
    for await (const chunk of source) {
      between += chunk.byteLength;
      if (between > MAX_BETWEEN)
        throw new Error('it has more than names and attributes between two of its files');
      if (!parser.write(chunk)) await Promise.race([once(parser, 'drain'), broken.promise]);
    }
    parser.end();
    await Promise.race([finished, broken.promise]);
  } finally {
    parser.destroy();
  }
}

async function take(header: Headers, content: Readable, into: TreeWriter, onData: () => void): Promise<void> {
  const { name, type, size = 0, linkname } = header;
  if (!Number.isSafeInteger(size) || size < 0) throw new Error(`'${name}' has no size that can be read`);
  if (type === 'file' || type === 'contiguous-file') {
    const bytes = await into.file(name, header.mode ?? 0o644, heard(content, onData));
    if (bytes !== size) throw new Error('it ends in the middle of a file');
    return;
  }
  if (type === 'directory') await into.folder(name);
  else if (type === 'symlink') await into.link(name, linkname ?? '');
  else if (type === 'link') await into.hardLink(name, linkname ?? '');
  else throw new Error(`'${name}' is a ${type ?? 'thing of an unknown kind'}, which is not unpacked`);
  content.resume();
}

/** Not a `for await`: leaving that early would wait for the end of a stream that its parser does not end. */
async function* heard(content: AsyncIterable<Uint8Array>, onData: () => void): AsyncGenerator<Uint8Array> {
  const chunks = content[Symbol.asyncIterator]();
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    onData();
    yield next.value;
  }
}
