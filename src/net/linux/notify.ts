import { SOCK_CLOEXEC, SOCK_DGRAM, IOVEC, MMSGHDR, MSG_NOSIGNAL } from './constants.ts';
import { loadLibc, systemError } from './libc.ts';
import { PinnedMemory } from './memory.ts';

const AF_UNIX = 1;
/** struct sockaddr_un: the family, then a path of at most so many bytes. */
const PATH = 2;
const PATH_BYTES = 108;

const NAME = 0;
const HEADER = 128;
const IOV = 192;
const PAYLOAD = 256;

/**
 * Send one datagram to a socket of the file system, as service managers want to be told things (sd_notify(3)); Node has no such
 * sockets. `path` may begin with `@` (the abstract namespace). Rejects with what the system says, or where FFI is not to be had.
 */
export async function sendToPath(path: string, text: string): Promise<void> {
  const { libc, whyNot } = await loadLibc();
  if (!libc) throw new Error(whyNot);
  const name = Buffer.from(path.replace(/^@/, '\0'));
  const payload = Buffer.from(text);
  if (name.length >= PATH_BYTES) throw new Error(`${path} is too long for the name of a socket`);
  const memory = new PinnedMemory(libc, PAYLOAD + payload.length + 1);
  memory.bytes[NAME] = AF_UNIX;
  memory.bytes.set(name, NAME + PATH);
  memory.bytes.set(payload, PAYLOAD);
  const header = HEADER >> 2;
  memory.putPointer(header + MMSGHDR.NAME, NAME);
  memory.words[header + MMSGHDR.NAME_LENGTH] = PATH + name.length;
  memory.putPointer(header + MMSGHDR.IOV, IOV);
  memory.words[header + MMSGHDR.IOV_LENGTH] = 1;
  memory.putPointer((IOV >> 2) + IOVEC.BASE, PAYLOAD);
  memory.words[(IOV >> 2) + IOVEC.LENGTH] = payload.length;
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError('socket', libc.errno());
  try {
    if (libc.sendmsg(fd, memory.pointer(HEADER), MSG_NOSIGNAL) < 0)
      throw systemError('sendmsg', libc.errno());
  } finally {
    libc.close(fd);
  }
}
