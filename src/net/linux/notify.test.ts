import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IOVEC, MMSGHDR, MSG_DONTWAIT, SOCK_DGRAM } from './constants.ts';
import { loadLibc } from './libc.ts';
import { PinnedMemory } from './memory.ts';
import { sendToPath } from './notify.ts';

const { libc } = await loadLibc();

describe.runIf(libc)('datagrams to a path', () => {
  /** What comes to a socket at that path while `f` runs. */
  async function received(path: string, f: () => Promise<void>): Promise<string> {
    if (!libc) throw new Error('unreachable');
    const memory = new PinnedMemory(libc, 1024);
    const name = Buffer.from(path.replace(/^@/, '\0'));
    memory.bytes.set([1, 0, ...name]);
    const fd = libc.socket(1, SOCK_DGRAM, 0);
    try {
      expect(libc.bind(fd, memory.pointer(0), 2 + name.length)).toBe(0);
      await f();
      const header = 256 >> 2;
      memory.putPointer(header + MMSGHDR.IOV, 384);
      memory.words[header + MMSGHDR.IOV_LENGTH] = 1;
      memory.putPointer((384 >> 2) + IOVEC.BASE, 512);
      memory.words[(384 >> 2) + IOVEC.LENGTH] = 512;
      expect(libc.recvmmsg(fd, memory.pointer(256), 1, MSG_DONTWAIT, 0)).toBe(1);
      const length = memory.words[header + MMSGHDR.LENGTH] as number;
      return Buffer.from(memory.bytes.subarray(512, 512 + length)).toString();
    } finally {
      libc.close(fd);
    }
  }

  it('arrive, at files and at abstract names', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rimrock-notify-'));
    const file = join(folder, 'socket');
    const text = 'READY=1\nMAINPID=4711';
    expect(await received(file, () => sendToPath(file, text))).toBe(text);
    const abstract = `@rimrock-test-${process.pid}`;
    expect(await received(abstract, () => sendToPath(abstract, text))).toBe(text);
    rmSync(folder, { recursive: true });
  });

  it('say why they cannot be sent', async () => {
    await expect(sendToPath('/nowhere/at/all', 'x')).rejects.toThrow('sendmsg ENOENT');
    await expect(sendToPath(`/${'x'.repeat(200)}`, 'x')).rejects.toThrow('too long');
  });
});
