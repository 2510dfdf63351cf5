import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';

/** Ask for the A records of `name` once; resolves to the rcode and number of answers, undefined without an answer in time. */
export function ask(
  port: number,
  name: string,
  timeoutMs = 500,
): Promise<{ readonly rcode: number; readonly answers: number } | undefined> {
  const labels = name.split('.').map((label) => `${String.fromCodePoint(label.length)}${label}`);
  const question = Buffer.from(`\x12\x34\x01\0\0\x01\0\0\0\0\0\0${labels.join('')}\0\0\x01\0\x01`, 'latin1');
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const finish = (reply?: Buffer): void => {
      clearTimeout(timer);
      socket.close();
      resolve(reply && { rcode: reply.readUInt8(3) & 15, answers: reply.readUInt16BE(6) });
    };
    const timer = setTimeout(finish, timeoutMs);
    socket.once('message', (reply) => finish(reply));
    socket.once('error', () => finish());
    socket.connect(port, '127.0.0.1', () => socket.send(question, () => {}));
  });
}

/** Resolves once the server answers `name` (with its address, or, `anything`, at all); rejects after `seconds`. */
export async function untilAnswers(
  port: number,
  name: string,
  seconds: number,
  anything = false,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const reply = await ask(port, name);
    if (reply && (anything || (reply.rcode === 0 && reply.answers > 0))) return;
    await sleep(reply ? 20 : 50);
  }
  throw new Error(`port ${port} does not answer ${name} within ${seconds} s`);
}
