import { createSocket } from 'node:dgram';

/** Wall-clock milliseconds. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A request or query that did not get what it should have: from when it was sent to when that was known. */
export interface Failure extends Span {
  readonly reason: string;
}

export interface QueryReport {
  readonly sent: number;
  readonly answered: number;
  readonly rate: number;
  readonly failures: readonly Failure[];
}

const TRY_MS = 2_000;
const TRIES = 3;
/** In one go: more than a few hundred do not fit into the buffer of a socket, so that a generator that was late would lose its own. */
const MOST_AT_ONCE = 40;

interface Open {
  readonly fromMs: number;
  sentMs: number;
  tries: number;
}

/**
 * Steady questions for the address of one name over UDP. As resolvers do, a question without a reply is asked again, twice; a failure is
 * one that has none even then, or whose reply is anything but NOERROR with an answer.
 */
export function startQueries(options: {
  readonly port: number;
  readonly name: string;
  readonly perSecond: number;
}): { stop(): Promise<QueryReport> } {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  const open = new Map<number, Open>();
  const failures: Failure[] = [];
  const started = performance.now();
  let next = 0;
  let sent = 0;
  let answered = 0;
  // A port nobody listens on: the question counts as lost.
  socket.on('error', () => {});
  socket.on('message', (reply) => {
    const id = reply.readUInt16BE(0);
    const question = open.get(id);
    if (!question) return;
    open.delete(id);
    const rcode = reply.readUInt8(3) & 15;
    if (rcode === 0 && reply.readUInt16BE(6) > 0) answered++;
    else failures.push({ fromMs: question.fromMs, toMs: Date.now(), reason: `rcode ${rcode}` });
  });
  const send = (id: number): void =>
    socket.send(query(id, options.name), options.port, '127.0.0.1', () => {});
  const again = (): void => {
    const now = Date.now();
    let burst = 0;
    for (const [id, question] of open) {
      if (burst === MOST_AT_ONCE) break;
      if (now - question.sentMs < TRY_MS) continue;
      burst++;
      if (question.tries === TRIES) {
        open.delete(id);
        failures.push({ fromMs: question.fromMs, toMs: now, reason: 'no reply' });
      } else {
        question.tries++;
        question.sentMs = now;
        send(id);
      }
    }
  };
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1000) * options.perSecond);
    for (const most = Math.min(due, sent + MOST_AT_ONCE); sent < most; sent++) {
      next = (next + 1) & 0xffff;
      const now = Date.now();
      open.set(next, { fromMs: now, sentMs: now, tries: 1 });
      send(next);
    }
    again();
  }, 5);
  return {
    async stop() {
      clearInterval(timer);
      const seconds = (performance.now() - started) / 1000;
      const rest = setInterval(again, 20);
      while (open.size > 0) await new Promise((resolve) => void setTimeout(resolve, 10));
      clearInterval(rest);
      await new Promise<void>((resolve) => void socket.close(() => resolve()));
      return { sent, answered, rate: sent / seconds, failures };
    },
  };
}

/** RFC 1035 §4.1: one question, type A, class IN, recursion desired. */
function query(id: number, name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCodePoint(label.length)}${label}`));
  return Buffer.concat([
    Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...labels,
    Buffer.from([0, 0, 1, 0, 1]),
  ]);
}

/** Those that no span excuses: a failure is excused by a span that it overlaps. */
export function unexcused(failures: readonly Failure[], excuses: readonly Span[]): Failure[] {
  return failures.filter((f) => !excuses.some((e) => f.fromMs <= e.toMs && f.toMs >= e.fromMs));
}
