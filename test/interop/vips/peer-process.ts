import { createSocket } from 'node:dgram';
import type { Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { serveOps } from './ops.ts';
import type { Op } from './ops.ts';

// A program on a host of the test: serves under a name over TCP and UDP, and is a client of others.

const LIMIT_MS = 5_000;
const held = new Map<string, Socket | UdpSocket>();
let load: { readonly stop: AbortController; readonly done: Promise<unknown> } | undefined;

/** Says its name and who asks, to a connection at once and to every piece of data. */
async function serve(name: string, port: number): Promise<void> {
  const tcp = createServer((socket) => {
    const says = `${name} ${socket.remoteAddress?.replace('::ffff:', '')}\n`;
    socket.write(says);
    socket.on('data', () => socket.write(says));
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
  });
  await once(tcp.listen(port, '::'), 'listening');
  const udp = createSocket({ type: 'udp6', ipv6Only: false });
  udp.on('message', (_, from) => {
    udp.send(`${name} ${from.address.replace('::ffff:', '')}\n`, from.port, from.address);
  });
  udp.bind(port, '::');
  await once(udp, 'listening');
}

function line(socket: Socket | UdpSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer in time')), LIMIT_MS);
    const over = (): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
    };
    const heard = (bytes: Buffer): void => {
      over();
      resolve(bytes.toString().trim());
    };
    socket.once('data', heard).once('message', heard);
    socket.once('error', (error: Error) => {
      over();
      reject(error);
    });
    socket.once('close', () => {
      over();
      reject(new Error('closed'));
    });
  });
}

/** One connection, or one socket with one datagram; the answer. */
async function ask(protocol: string, host: string, port: number, hold?: string): Promise<string> {
  if (protocol === 'tcp') {
    const socket = connect({ host, port });
    try {
      return await line(socket);
    } finally {
      if (hold === undefined) socket.end();
      else held.set(hold, socket);
    }
  }
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.connect(port, host);
  await once(socket, 'connect');
  try {
    const heard = line(socket);
    say(socket, 'hello');
    return await heard;
  } finally {
    if (hold === undefined) socket.close();
    else held.set(hold, socket);
  }
}

async function again(hold: string): Promise<string> {
  const socket = held.get(hold);
  if (!socket) throw new Error(`nothing is held as ${hold}`);
  const heard = line(socket);
  if ('write' in socket) socket.write('again');
  else say(socket, 'again');
  return heard;
}

/** What the firewall of this host refuses is an error of `send`. */
function say(socket: UdpSocket, text: string): void {
  socket.send(text, (error) => {
    if (error) socket.emit('error', error);
  });
}

/** Connections at a rate until it is stopped. */
async function keepAsking(
  protocol: string,
  host: string,
  port: number,
  perSecond: number,
  stop: AbortSignal,
): Promise<unknown> {
  const answers: Record<string, number> = {};
  const failures: string[] = [];
  const running: Promise<void>[] = [];
  const began = performance.now();
  for (let i = 0; !stop.aborted; i++) {
    const due = began + (i * 1000) / perSecond;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    running.push(
      ask(protocol, host, port).then(
        (answer) => void (answers[answer] = (answers[answer] ?? 0) + 1),
        (error: unknown) => void failures.push(String(error)),
      ),
    );
  }
  await Promise.all(running);
  return { answers, failures, seconds: (performance.now() - began) / 1000 };
}

async function answer(op: Op): Promise<unknown> {
  const { protocol, host, port, hold } = op as unknown as Record<string, string>;
  const at = [protocol ?? 'tcp', host ?? '', Number(port)] as const;
  switch (op.op) {
    case 'serve':
      return serve(String(op['name']), Number(port));
    case 'ask':
      return ask(...at, hold);
    case 'again':
      return again(hold ?? '');
    case 'many': {
      const answers: Record<string, number> = {};
      for (let i = 0; i < Number(op['times']); i++) {
        const name = (await ask(...at)).split(' ')[0] ?? '';
        answers[name] = (answers[name] ?? 0) + 1;
      }
      return answers;
    }
    case 'load': {
      const stop = new AbortController();
      load = { stop, done: keepAsking(...at, Number(op['perSecond']), stop.signal) };
      return 'began';
    }
    case 'unload':
      load?.stop.abort();
      return load?.done;
    default:
      throw new Error(`no such thing: ${op.op}`);
  }
}

serveOps(answer);
