import { once } from 'node:events';
import { join } from 'node:path';
import { LOAD_CORE, compiled, end, output, start } from '../support/machine.ts';

/** What `client pace` saw. Times of `seen` are nanoseconds of CLOCK_MONOTONIC. */
export interface PaceReport {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** How late a request was sent at worst: no connection was free, or the client had no time. */
  readonly behindMs: number;
  readonly ms: {
    readonly n: number;
    readonly p50: number;
    readonly p99: number;
    readonly p999: number;
    readonly worst: number;
  };
  readonly seen: readonly {
    readonly generation: number;
    readonly firstNs: string;
    readonly lastNs: string;
  }[];
}

/** Until all connections must have had their answer. */
const IDLE_LIMIT_MS = 180_000;

export interface Pace {
  readonly port: number;
  readonly host: string;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  /** What does not count, from the beginning on. */
  readonly warmUpSeconds: number;
  readonly connections: number;
}

function program(name: string, libraries: readonly string[] = []): string | undefined {
  return compiled(join(import.meta.dirname, `${name}.c`), libraries);
}

/** Programs that need the headers of OpenSSL (libssl-dev); undefined without them. */
const tlsProgram = (): string | undefined => program('tls-client', ['ssl', 'crypto']);
export const canSpeakTls = (): boolean => tlsProgram() !== undefined;

/** Requests at a steady pace. */
export async function pace(load: Pace): Promise<PaceReport> {
  const path = program('client');
  if (path === undefined) throw new Error('no C compiler (gcc), so no client');
  const { port, host, rate, seconds, warmUpSeconds, connections } = load;
  const options = ['pace', port, host, rate, seconds, warmUpSeconds, connections].map(String);
  const run = start(LOAD_CORE, [path, ...options], ['ignore', 'pipe', 'inherit']);
  return JSON.parse(await output(run, seconds + 20)) as PaceReport;
}

/** Run `f` while there are connections that have had one answer and now do nothing. */
export async function whileIdle<T>(
  { port, host, connections, tls }: Pick<Pace, 'port' | 'host' | 'connections'> & { readonly tls: boolean },
  f: () => Promise<T>,
): Promise<T> {
  const path = tls ? tlsProgram() : program('client');
  if (path === undefined) throw new Error('no C compiler (gcc) or no headers of OpenSSL, so no client');
  const options = ['idle', port, host, connections].map(String);
  const run = start(LOAD_CORE, [path, ...options], ['pipe', 'pipe', 'inherit']);
  const { process: child } = run;
  try {
    const ready = await Promise.race([
      once(child.stdout ?? child, 'data', { signal: AbortSignal.timeout(IDLE_LIMIT_MS) }).then(() => true),
      once(child, 'exit').then(() => false),
    ]);
    if (!ready) throw new Error(`port ${port}: not all of ${connections} connections got an answer`);
    return await f();
  } finally {
    child.stdin?.end();
    await end(run);
  }
}

type TlsLoad = Pick<Pace, 'port' | 'host' | 'seconds' | 'connections'> & {
  /** The file that the client's certificate and key are in. */
  readonly shown?: string;
};

/** Full handshakes, each with one request on a connection of its own; how many. */
export const handshakes = (load: TlsLoad): Promise<number> => overTls('handshakes', load);

/** Requests over TLS, one after the other on each of the connections; how many. */
export const requestsOverTls = (load: TlsLoad): Promise<number> => overTls('requests', load);

async function overTls(what: 'handshakes' | 'requests', load: TlsLoad): Promise<number> {
  const path = tlsProgram();
  if (path === undefined) throw new Error('no C compiler (gcc) or no headers of OpenSSL, so no client');
  const { port, host, seconds, connections, shown } = load;
  const options = [what, port, host, connections, seconds, ...(shown ? [shown] : [])].map(String);
  const run = start(LOAD_CORE, [path, ...options], ['ignore', 'pipe', 'inherit']);
  const { done, failed } = JSON.parse(await output(run, seconds + 20)) as Record<'done' | 'failed', number>;
  if (done === 0 || failed > 0) throw new Error(`port ${port}: ${failed} of ${done + failed} ${what} failed`);
  return done;
}
