import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { addressOf, moved, nameOf, stateV0, subscribed } from './cluster.ts';
import type { MasterOrder, MasterReport } from './master.ts';

/**
 * A master in a process of its own: `node fake-master.ts PORT TASKS old|stream`. `old` has only /master/state, `stream` the event
 * stream of the operator API. What it tells is made once and served as bytes. It takes orders from the process that started it.
 */
const [port = 0, tasks = 0] = process.argv.slice(2, 4).map(Number);
const mode = process.argv[4] === 'old' ? 'old' : 'stream';
const state = mode === 'old' ? stateV0(tasks, port) : undefined;
const first = mode === 'stream' ? subscribed(tasks) : undefined;
const streams = new Set<ServerResponse>();
const held: (() => void)[] = [];
let hold = false;
let offersChange = false;
let served = 0;
let changed = 0;

const tell = (report: MasterReport): void => void process.send?.(report);
const nowNs = (): string => String(process.hrtime.bigint());

/** Send what the client waits for, now or once it is let go, and say when the first and last byte left. */
function sendState(response: ServerResponse, parts: readonly (Buffer | string)[], whole: boolean): void {
  const askedNs = nowNs();
  tell({ kind: 'asked', askedNs });
  const send = (): void => {
    const firstNs = nowNs();
    const done = (): void => tell({ kind: 'sent', askedNs, firstNs, lastNs: nowNs() });
    for (const part of parts.slice(0, -1)) response.write(part);
    response.write(parts.at(-1) ?? '', () => done());
    if (whole) response.end();
  };
  if (hold) held.push(send);
  else send();
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.on('error', () => {});
  const path = new URL(request.url ?? '/', 'http://master').pathname;
  if (state && path === '/master/state') {
    // As long as the number before, so that only these few bytes differ.
    const offer = String(offersChange ? ++served : 0).padStart(12, '0');
    const length = state.head.length + offer.length + state.tail.length;
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
    return sendState(response, [state.head, offer, state.tail], true);
  }
  if (first && path === '/api/v1') return void operator(request, response);
  response.writeHead(404).end();
}

async function operator(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) body += String(piece);
  if (!body.includes('SUBSCRIBE') || !first) return void response.writeHead(501).end();
  response.writeHead(200, { 'content-type': 'application/json' });
  streams.add(response);
  response.on('close', () => streams.delete(response));
  sendState(response, [first], false);
}

function send(event: unknown): void {
  const json = JSON.stringify(event);
  for (const stream of streams) stream.write(`${Buffer.byteLength(json)}\n${json}`);
}

/** One task after the other moves to another address, evenly `perSecond` times a second. */
function change(perSecond: number, count: number): void {
  const began = performance.now();
  let n = 0;
  const timer = setInterval(() => {
    const due = Math.min(count, Math.floor(((performance.now() - began) / 1000) * perSecond));
    for (; n < due; n++) {
      const i = (changed * 7919) % tasks;
      const generation = 1 + Math.floor(changed++ / tasks);
      const madeNs = nowNs();
      send(moved(i, generation));
      tell({ kind: 'changed', madeNs, ip: addressOf(i, generation), name: nameOf(i) });
    }
    if (n < count) return;
    clearInterval(timer);
    tell({ kind: 'changes-done' });
  }, 1);
}

process.on('message', (order: MasterOrder) => {
  switch (order.kind) {
    case 'hold':
      hold = true;
      break;
    case 'let-go':
      hold = false;
      for (const go of held.splice(0)) go();
      break;
    case 'offers-change':
      offersChange = true;
      break;
    case 'change':
      change(order.perSecond, order.count);
      break;
  }
});
process.on('disconnect', () => process.exit(0));
setInterval(() => send({ type: 'HEARTBEAT' }), 15_000);
createServer(serve).listen(port, '127.0.0.1', () => tell({ kind: 'ready' }));
