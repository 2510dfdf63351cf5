import type { Clock, Timer } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import { ipText, ipv4Bytes, ipv6Bytes } from '../../../core/ip.ts';
import type { Logger } from '../../../core/log.ts';
import type { EndUdpFlows, UdpFlow } from '../../../net/index.ts';
import type { VirtualServer } from '../plan/index.ts';

export interface LeftFlowsParts {
  readonly endUdpFlows: EndUdpFlows;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when `end` has something to do that it has put off. */
  readonly wake: () => void;
}

/** Looking through what the kernel remembers takes it some milliseconds. */
const GAP_MS = 1_000;
const RETRY_MS = 30_000;

/**
 * Flows of UDP whose backend is gone. The kernel keeps a flow where it is for as long as packets come, and of UDP nobody hears that it is
 * over: so it is told to forget these, and their next packet goes to another backend. A backend that drains keeps its flows.
 */
export class LeftFlows {
  readonly #parts: LeftFlowsParts;
  /** By the address and port of a VIP, as the kernel tells them. */
  readonly #backends = new Map<string, ReadonlySet<string>>();
  /** VIPs that are gone since flows were ended. */
  #gone = new Set<string>();
  /** Also at the start: backends may have left while nobody looked. */
  #due = true;
  #notBefore = 0;
  #timer: Timer | undefined;
  #said = '';

  constructor(parts: LeftFlowsParts) {
    this.#parts = parts;
  }

  /** The server of this key is like this from now on. */
  set(key: string, server: VirtualServer | undefined): void {
    const [protocol, address = '', port = ''] = key.split(' ');
    if (protocol !== 'udp') return;
    const vip = place(address, port);
    const after = server && new Set(server.backends.map((backend) => place(backend.ip, backend.port)));
    for (const backend of this.#backends.get(vip) ?? []) if (!after?.has(backend)) this.#due = true;
    if (after) this.#backends.set(vip, after);
    else if (this.#backends.delete(vip)) this.#gone.add(vip);
  }

  /** Whether `end` would do something now. */
  get due(): boolean {
    return this.#due && this.#timer === undefined;
  }

  /** To be called when the kernel has been told of all servers: else flows would come back to where they were. Never rejects. */
  async end(): Promise<void> {
    const { clock, log, endUdpFlows } = this.#parts;
    if (!this.due) return;
    const wait = this.#notBefore - clock.monotonic();
    if (wait > 0) return this.#later(wait);
    const gone = this.#gone;
    const vips = [...this.#backends.keys(), ...gone];
    this.#due = false;
    this.#gone = new Set();
    if (vips.length === 0) return;
    this.#notBefore = clock.monotonic() + GAP_MS;
    const left = ({ called, broughtTo }: UdpFlow): boolean => {
      const backends = this.#backends.get(called);
      return backends ? !backends.has(broughtTo) : gone.has(called);
    };
    try {
      const families = ([4, 6] as const).filter((family) =>
        vips.some((vip) => vip.includes(':') === (family === 6)),
      );
      const flows = await endUdpFlows(families, left);
      if (flows > 0) log.info({ flows }, 'flows of UDP leave backends that are gone');
      this.#said = '';
    } catch (error) {
      const problem = errorText(error);
      if (this.#said !== problem)
        log.warn({ problem }, 'flows of UDP stay with backends that are gone, until they pause');
      this.#said = problem;
      for (const vip of gone) this.#gone.add(vip);
      this.#due = true;
      this.#notBefore = clock.monotonic() + RETRY_MS;
    }
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #later(ms: number): void {
    this.#timer = this.#parts.clock.after(ms, () => {
      this.#timer = undefined;
      this.#parts.wake();
    });
  }
}

/** As the kernel's addresses are written, whoever wrote this one. */
function place(ip: string, port: string | number): string {
  const bytes = ipv4Bytes(ip) ?? ipv6Bytes(ip);
  return `${bytes ? ipText(bytes) : ip} ${port}`;
}
