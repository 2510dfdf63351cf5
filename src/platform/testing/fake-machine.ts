import type { BoundSocket } from '../../net/index.ts';
import type { Link, NewProcess, UpgradeMachine } from '../run/upgrade/machine.ts';

/** One end of a link between processes that are not there. */
export class FakeLink implements Link {
  readonly sent: string[] = [];
  #onLine: (line: string) => void = () => {};
  readonly #onClosed: (() => void)[] = [];

  send(line: string): void {
    this.sent.push(line);
  }

  onLine(f: (line: string) => void): void {
    this.#onLine = f;
  }

  onClosed(f: () => void): void {
    this.#onClosed.push(f);
  }

  /** As if the other end had said this. */
  hear(line: string): void {
    this.#onLine(line);
  }

  /** As if the other process had ended. */
  close(): void {
    for (const f of this.#onClosed) f();
  }
}

/** A process that never runs. */
class FakeProcess implements NewProcess {
  readonly pid: number;
  readonly link = new FakeLink();
  readonly descriptors: readonly number[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signals: string[] = [];
  #onEnd: (reason: string) => void = () => {};

  constructor(pid: number, descriptors: readonly number[], environment: FakeProcess['environment']) {
    this.pid = pid;
    this.descriptors = descriptors;
    this.environment = environment;
  }

  onEnd(f: (reason: string) => void): void {
    this.#onEnd = f;
  }

  signal(name: string): void {
    this.signals.push(name);
  }

  end(reason: string): void {
    this.#onEnd(reason);
  }
}

/** A machine on which starting a process is an entry in a list. */
export class FakeMachine implements UpgradeMachine {
  pid = 100;
  sockets: readonly BoundSocket[] = [];
  readonly started: FakeProcess[] = [];
  readonly link = new FakeLink();
  /** What `start` throws. */
  refuses: Error | undefined;
  linkedAt: number | undefined;
  readonly #linked = Promise.withResolvers<void>();

  async boundSockets(): Promise<readonly BoundSocket[]> {
    return this.sockets;
  }

  start(descriptors: readonly number[], environment: FakeProcess['environment']): FakeProcess {
    if (this.refuses) throw this.refuses;
    const started = new FakeProcess(this.pid + this.started.length + 1, descriptors, environment);
    this.started.push(started);
    return started;
  }

  /** Resolves when `linkAt` was called. */
  get linked(): Promise<void> {
    return this.#linked.promise;
  }

  linkAt(descriptor: number): FakeLink {
    this.linkedAt = descriptor;
    this.#linked.resolve();
    return this.link;
  }
}
