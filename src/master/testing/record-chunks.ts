import { connect } from 'node:net';
import { RecordDecoder } from '../../mesos/index.ts';
import type { RunningMaster } from './peers.ts';

/** A record of an event stream, with the sizes of the HTTP chunks that it came in. */
interface ChunkedRecord {
  readonly type: string;
  readonly sizes: readonly number[];
}

/** The records of an event stream; rejects where a chunk has more than one. `atEnd`: onTestFinished of vitest. */
export async function* recordChunks(
  { master }: RunningMaster,
  path: string,
  call: object,
  atEnd: (stop: () => void) => void,
): AsyncGenerator<ChunkedRecord, never> {
  const socket = connect(master.address.port, '127.0.0.1');
  atEnd(() => void socket.destroy());
  const body = JSON.stringify(call);
  const fields = ['Host: x', 'Content-Type: application/json', `Content-Length: ${body.length}`];
  socket.write(`${[`POST ${path} HTTP/1.1`, ...fields].join('\r\n')}\r\n\r\n${body}`);
  const decoder = new RecordDecoder();
  let sizes: number[] = [];
  for await (const chunk of chunksOf(socket)) {
    sizes.push(chunk.length);
    const [record, ...more] = decoder.push(chunk);
    if (!record) continue;
    if (more.length > 0 || !decoder.idle) throw new Error('a chunk has more than one record');
    const { type } = JSON.parse(Buffer.from(record).toString()) as { readonly type: string };
    yield { type, sizes };
    sizes = [];
  }
  throw new Error('the stream has ended');
}

/** The chunks of the body, as they were written. */
async function* chunksOf(answer: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let left = Buffer.alloc(0);
  let inBody = false;
  for await (const bytes of answer) {
    left = Buffer.concat([left, bytes]);
    const end = left.indexOf('\r\n\r\n');
    if (!inBody && end < 0) continue;
    if (!inBody) left = left.subarray(end + 4);
    inBody = true;
    for (let line = left.indexOf('\r\n'); line >= 0; line = left.indexOf('\r\n')) {
      const size = Number.parseInt(left.subarray(0, line).toString(), 16);
      if (left.length < line + size + 4) break;
      yield left.subarray(line + 2, line + 2 + size);
      left = left.subarray(line + size + 4);
    }
  }
}
