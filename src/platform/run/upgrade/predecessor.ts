import { sleep } from '../../../core/clock.ts';
import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import type { Predecessor } from '../../../core/predecessor.ts';
import type { Inherited } from '../../../net/index.ts';
import type { World } from '../../world.ts';
import { FIRST_DESCRIPTOR } from './machine.ts';
import type { Link, UpgradeMachine } from './machine.ts';

/** Set for a process that takes over: how many sockets it gets; the link comes after them. */
export const SOCKETS_VARIABLE = 'RIMROCK_INHERITED_SOCKETS';
/** What the new process says when it serves. */
export const READY = 'ready';

const LOOK_EVERY_MS = 20;
/** By then whoever wants an inherited socket has taken it. */
const REST_MS = 30_000;

/** The process before this one, as this one sees it. */
export interface Met extends Predecessor {
  /** It does not serve any more. */
  readonly gone: AbortSignal;
  /** We serve. */
  ready(): void;
}

interface Handed {
  readonly sockets: number;
  readonly hasLink: boolean;
}

/** What this process was started with, by another one of us or by systemd (sd_listen_fds(3)). */
function handedOver(environment: World['environment'], pid: number): Handed | undefined {
  const count = (name: string): number => Number(/^\d{1,4}$/.exec(environment[name] ?? '')?.[0] ?? 0);
  const ours = count(SOCKETS_VARIABLE);
  if (ours > 0) return { sockets: ours, hasLink: true };
  const systemds = environment['LISTEN_PID'] === String(pid) ? count('LISTEN_FDS') : 0;
  return systemds > 0 ? { sockets: systemds, hasLink: false } : undefined;
}

/** The environment without what was meant for this process alone. */
export function ownEnvironment(environment: World['environment']): World['environment'] {
  const ours = new Set([SOCKETS_VARIABLE, 'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !ours.has(name)));
}

interface MeetParts {
  readonly machine: UpgradeMachine;
  readonly environment: World['environment'];
  readonly clock: Clock;
  readonly log: Logger;
  /** This process ends: nothing is waited for any more. */
  readonly stop: AbortSignal;
}

/** Take over what was handed to this process; undefined when nothing was. */
export async function meetPredecessor(parts: MeetParts): Promise<Met | undefined> {
  const { machine, environment, log } = parts;
  const handed = handedOver(environment, machine.pid);
  if (!handed) return undefined;
  const end = FIRST_DESCRIPTOR + handed.sockets;
  const { Inherited } = await import('../../../net/index.ts');
  const bound = await machine.boundSockets();
  const sockets = new Inherited(
    bound.filter(({ descriptor }) => descriptor >= FIRST_DESCRIPTOR && descriptor < end),
  );
  log.info({ sockets: handed.sockets }, 'takes over sockets that are bound already');
  if (!handed.hasLink) return new MetPredecessor(parts, sockets, undefined, {});
  const link = machine.linkAt(end);
  return new MetPredecessor(parts, sockets, link, await stateFrom(link));
}

/** The first line: what the parts of the other process leave to ours. */
function stateFrom(link: Link): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve) => {
    link.onClosed(() => resolve({}));
    link.onLine((line) => {
      try {
        resolve(JSON.parse(line) as Record<string, unknown>);
      } catch {
        resolve({});
      }
    });
  });
}

class MetPredecessor implements Met {
  readonly sockets: Inherited;
  readonly gone: AbortSignal;
  readonly replaced: AbortSignal;
  readonly #parts: MeetParts;
  readonly #ready = new AbortController();
  readonly #link: Link | undefined;
  readonly #state: Readonly<Record<string, unknown>>;

  constructor(
    parts: MeetParts,
    sockets: Inherited,
    link: Link | undefined,
    state: Readonly<Record<string, unknown>>,
  ) {
    this.#parts = parts;
    this.sockets = sockets;
    this.#link = link;
    this.#state = state;
    const gone = new AbortController();
    if (link) link.onClosed(() => gone.abort());
    else gone.abort();
    this.gone = gone.signal;
    this.replaced = AbortSignal.any([gone.signal, this.#ready.signal]);
  }

  stateOf(part: string): unknown {
    return this.#state[part];
  }

  async until(isReady: () => boolean, limitMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { clock, stop } = this.#parts;
    const end = clock.monotonic() + limitMs;
    const over = AbortSignal.any([stop, this.gone]);
    while (!isReady() && !over.aborted && clock.monotonic() < end) await sleep(clock, LOOK_EVERY_MS, over);
  }

  ready(): void {
    const { clock, log } = this.#parts;
    this.#link?.send(READY);
    this.#ready.abort();
    clock.after(REST_MS, () => {
      const rest = this.sockets.closeRest();
      if (rest.length > 0) log.warn({ rest }, 'sockets that nobody listens at any more are closed');
    });
  }
}
