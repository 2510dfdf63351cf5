import type { VirtualServer } from './plan/index.ts';

/** What carries the traffic of VIPs: the kernel, or listeners of ours. */
export interface Carrier {
  /** The server of this key is like this from now on; undefined: there is none. Before `begin` this is only noted. */
  set(key: string, server: VirtualServer | undefined): void;
  /** All that is known was set: what is there from before is brought to it now. */
  begin(): void;
  /** Resolves when everything that was set so far is in effect, or has failed. */
  settled(): Promise<void>;
  /** Where connections to this server are taken, when not at its own address. */
  takenAt(key: string): string | undefined;
  /** UDP ports at which this process listens. */
  udpPorts(): readonly number[];
  /** Another process goes on with what is there: it is not changed any more, and nobody new is taken in. Never rejects. */
  handOver(): Promise<void>;
  /** Nobody new is taken in by this process; resolves when nobody is connected to it, or after so many milliseconds. */
  drain(limitMs: number): Promise<void>;
  /** What was handed over stays. */
  stop(): Promise<void>;
}

/** Plain numbers, shown on /metrics. */
export interface CarrierCounts {
  changes: number;
  repairs: number;
  failures: number;
  seconds(value: number): void;
}
