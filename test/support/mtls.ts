import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { expect } from 'vitest';
import { eventually, pause } from './eventually.ts';
import { root } from './root.ts';

// What tests of mutual TLS between apps have in common, and what they see from outside.

const LONG = process.env['RIMROCK_MTLS_LONG'] !== undefined;
/** Certificates are renewed at half of their life. */
export const LEAF_SECONDS = LONG ? 40 : 8;
/** Of `changesUnderTraffic`. */
export const LOAD_MS = LONG ? 300_000 : 12_000;
const EVERY_MS = 5;
const MOST_IN_FLIGHT = 64;
/** What the app `server` says. */
export const SECRET = 'a plain secret';

/** Only these tasks may call the app `server`. */
export const policyFor = (...clients: readonly string[]): string => `
default: allow
rules:
  - name: the-clients
    effect: allow
    who: [${clients.map((name) => `'spiffe://rimrock.local/framework/marathon/task/${name}'`).join(', ')}]
    may: [call]
    on: [marathon/server]
  - name: nobody-else
    effect: deny
    who: [anyone]
    may: [call]
    on: [marathon/server]
`;

/** An app of the examples. */
export const sample = (name: string): object =>
  JSON.parse(readFileSync(join(root, 'config/examples', `${name}.json`), 'utf8')) as object;

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One request; status 0 when the connection broke. */
export function ask(port: number, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const broken = (error: Error): void => resolve({ status: 0, text: error.message });
    get({ port, host: '127.0.0.1', agent: false, headers }, (response) => {
      let text = '';
      response.on('data', (piece: Buffer) => (text += piece.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: text.trim() }));
      response.on('error', broken);
    }).on('error', broken);
  });
}

/** The serial number of the certificate that a port shows now. */
function serialAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

/** All that a port says to who speaks no TLS. */
export function plainAnswer(port: number, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
    let text = '';
    socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** What goes by at these ports, as text; undefined where nobody may listen. */
async function sniff(ports: readonly number[]): Promise<{ stop(): Promise<string> } | undefined> {
  const may = spawnSync('tcpdump', ['-i', 'lo', '-c', '0', '-d'], { stdio: 'ignore' });
  if (may.error !== undefined || process.getuid?.() !== 0) return undefined;
  const filter = ports.map((port) => `tcp port ${port}`).join(' or ');
  const child: ChildProcess = spawn(
    'tcpdump',
    ['-i', 'lo', '-n', '-A', '-s', '0', '-U', '-c', '20000', filter],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let [text, said] = ['', ''];
  child.stdout?.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  child.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await eventually('tcpdump to listen', () => said.includes('listening on'));
  return {
    stop: async () => {
      child.kill('SIGINT');
      await gone;
      return text;
    },
  };
}

/** Through the client both instances of `server` answer. */
export async function reachesBoth(client: number): Promise<void> {
  const seen = new Set<string>();
  await eventually('both instances to answer', async () => {
    const { status, text } = await ask(client);
    expect([status, text]).toEqual([200, expect.stringContaining(SECRET)]);
    return seen.add(text).size === 2;
  });
}

/** Requests for `LOAD_MS`: none fails while certificates change, and nothing of them is plain on the wire between client and servers. */
export async function changesUnderTraffic(client: number, servers: readonly number[]): Promise<void> {
  const sniffer = await sniff(servers);
  const serials = new Set<string>();
  const failures: Answer[] = [];
  let [answered, flying] = [0, 0];
  const end = performance.now() + LOAD_MS;
  const one = async (): Promise<void> => {
    flying++;
    const answer = await ask(client);
    flying--;
    if (answer.status === 200 && answer.text.includes(SECRET)) answered++;
    else failures.push(answer);
  };
  for (let next = performance.now(); performance.now() < end; next += EVERY_MS) {
    if (flying < MOST_IN_FLIGHT) void one();
    if (Math.round(next / EVERY_MS) % 200 === 0) serials.add(await serialAt(servers[0] ?? 0));
    await pause(Math.max(0, next - performance.now()));
  }
  await eventually('the last requests to be answered', () => flying === 0);
  console.log({ answered, failures: failures.length, certificates: serials.size });
  expect(failures).toEqual([]);
  expect(answered).toBeGreaterThan(LOAD_MS / 100);
  expect(serials.size).toBeGreaterThanOrEqual(3);
  const wire = await sniffer?.stop();
  if (wire !== undefined) {
    expect(wire.length).toBeGreaterThan(10_000);
    expect(wire).not.toContain(SECRET);
    expect(wire).not.toContain('HTTP/1.1');
  }
}
