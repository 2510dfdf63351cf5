import { on } from 'node:events';
import { join } from 'node:path';
import { LOAD_CORE, start } from '../support/machine.ts';
import type { Started } from '../support/machine.ts';
import { freePorts } from '../../test/support/free-ports.ts';

/** What the fake master is told. */
export type MasterOrder =
  /** Answer nobody with a state until let go. */
  | { readonly kind: 'hold' }
  | { readonly kind: 'let-go' }
  /** From now on a few bytes of each state differ from the one before, as those of a real master do. */
  | { readonly kind: 'offers-change' }
  | { readonly kind: 'change'; readonly perSecond: number; readonly count: number };

/** What the fake master says; times in nanoseconds of CLOCK_MONOTONIC. */
export type MasterReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'asked'; readonly askedNs: string }
  /** A state went out; `lastNs`: the system has taken its last byte. */
  | { readonly kind: 'sent'; readonly askedNs: string; readonly firstNs: string; readonly lastNs: string }
  | { readonly kind: 'changed'; readonly madeNs: string; readonly ip: string; readonly name: string }
  | { readonly kind: 'changes-done' };

type Kind = MasterReport['kind'];
type Of<K extends Kind> = Extract<MasterReport, { kind: K }>;

export interface Master extends Started {
  readonly address: string;
  order(order: MasterOrder): void;
  /** The next report of a kind; rejects after `seconds`. */
  next<K extends Kind>(kind: K, seconds?: number): Promise<Of<K>>;
  onReport(f: (report: MasterReport) => void): void;
}

/** Start a master with `tasks` tasks. */
export async function startMaster(tasks: number, mode: 'old' | 'stream'): Promise<Master> {
  const [port = 0] = await freePorts(1);
  const script = join(import.meta.dirname, 'fake-master.ts');
  const command = [process.execPath, script, String(port), String(tasks), mode];
  const started = start(LOAD_CORE, command, ['ignore', 'inherit', 'inherit', 'ipc']);
  const child = started.process;
  const master: Master = {
    ...started,
    address: `127.0.0.1:${port}`,
    order: (order) => void child.send(order),
    onReport: (f) => void child.on('message', (report) => f(report as MasterReport)),
    async next<K extends Kind>(kind: K, seconds = 60): Promise<Of<K>> {
      for await (const [report] of on(child, 'message', { signal: AbortSignal.timeout(seconds * 1000) })) {
        if ((report as MasterReport).kind === kind) return report as Of<K>;
      }
      throw new Error('the fake master has ended');
    },
  };
  await master.next('ready');
  return master;
}
