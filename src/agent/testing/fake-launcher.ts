import type {
  ExecSpec,
  ExitStatus,
  Handle,
  Launcher,
  LaunchCheckpoint,
  LaunchSpec,
  Quantities,
  Usage,
} from '../launcher/launcher.ts';

interface FakeContainer {
  readonly checkpoint: LaunchCheckpoint;
  readonly argv: readonly string[];
  status: ExitStatus | undefined;
  readonly waiting: Set<(status: ExitStatus) => void>;
}

/**
 * The machine under fake launchers: it goes on when an agent dies. Commands: `exit N` ends at once, `missing` is no
 * program, `stubborn` ignores SIGTERM; everything else runs until SIGTERM or `end`.
 */
export class FakeMachine {
  bootId = 'boot-1';
  readonly #containers = new Map<string, FakeContainer>();
  #nextPid = 100;
  /** Container ids in the order in which their commands began to run. */
  readonly started: string[] = [];
  /** What containers were held to last, by their ids. */
  readonly limits = new Map<string, Quantities>();
  /** What a change of limits takes its time for. */
  limiting: Promise<void> | undefined;

  launcher(): Launcher {
    return new FakeLauncher(this);
  }

  /** End a running command as if by itself. */
  end(containerId: string, status: ExitStatus): void {
    const container = this.#containers.get(containerId);
    if (!container || container.status) return;
    container.status = status;
    for (const tell of container.waiting) tell(status);
  }

  /** A crash of the machine: everything ends, and no status is kept. */
  reboot(): void {
    this.bootId = `${this.bootId}'`;
    this.#containers.clear();
  }

  get running(): string[] {
    return [...this.#containers.values()].filter((c) => !c.status).map((c) => c.checkpoint.containerId);
  }

  endBelow(root: string, known: ReadonlySet<string>): string[] {
    const forgotten = [...this.#containers.values()].flatMap(({ status, checkpoint }) => {
      const below = checkpoint.runtimeDir === root || checkpoint.runtimeDir.startsWith(`${root}/`);
      return below && !status && !known.has(checkpoint.containerId) ? [checkpoint.containerId] : [];
    });
    for (const containerId of forgotten) this.end(containerId, { kind: 'signaled', signal: 9 });
    return forgotten;
  }

  create(spec: LaunchSpec): FakeContainer {
    const pid = this.#nextPid++;
    const checkpoint: LaunchCheckpoint = {
      containerId: spec.containerId,
      runtimeDir: spec.runtimeDir,
      pid,
      startTime: `t${pid}`,
      bootId: this.bootId,
    };
    return { checkpoint, argv: spec.argv, status: undefined, waiting: new Set() };
  }

  run(container: FakeContainer): void {
    const { containerId } = container.checkpoint;
    this.#containers.set(containerId, container);
    this.started.push(containerId);
    if (container.argv[0] === 'exit')
      this.end(containerId, { kind: 'exited', code: Number(container.argv[1]) });
    if (container.argv[0] === 'missing') this.end(containerId, { kind: 'exited', code: 127 });
  }

  find(checkpoint: LaunchCheckpoint): FakeContainer | 'gone' | 'not-mine' {
    const samePid = [...this.#containers.values()].find((c) => c.checkpoint.pid === checkpoint.pid);
    const mine = samePid?.checkpoint.startTime === checkpoint.startTime && checkpoint.bootId === this.bootId;
    if (samePid && mine) return samePid;
    return samePid ? 'not-mine' : 'gone';
  }
}

class FakeLauncher implements Launcher {
  readonly #machine: FakeMachine;
  #closed = false;
  readonly #handles = new Map<Handle, FakeContainer>();
  readonly #execs = new Map<Handle, number>();

  constructor(machine: FakeMachine) {
    this.#machine = machine;
  }

  async launch(spec: LaunchSpec, commit: (checkpoint: LaunchCheckpoint) => Promise<void>): Promise<Handle> {
    const container = this.#machine.create(spec);
    await commit(container.checkpoint);
    if (this.#closed) return new Promise<never>(() => {}); // the agent died before it could say `go`
    this.#machine.run(container);
    return this.#track(container);
  }

  async reattach(checkpoint: LaunchCheckpoint): Promise<Handle | 'gone' | 'not-mine'> {
    const found = this.#machine.find(checkpoint);
    return typeof found === 'string' ? found : this.#track(found);
  }

  kill(handle: Handle, graceMs: number): Promise<ExitStatus> {
    const container = this.#handles.get(handle);
    if (container && !this.#closed) {
      const { containerId } = container.checkpoint;
      const heeds = container.argv[0] !== 'stubborn' && graceMs > 0;
      // grace has no length here: what ignores SIGTERM waits for a kill without grace
      if (heeds) this.#machine.end(containerId, { kind: 'signaled', signal: 15 });
      else if (graceMs === 0) this.#machine.end(containerId, { kind: 'signaled', signal: 9 });
    }
    return handle.exited;
  }

  async signal(handle: Handle, signal: number): Promise<void> {
    this.#machine.end(handle.checkpoint.containerId, { kind: 'signaled', signal });
  }

  async limit(handle: Handle, quantities: Quantities): Promise<void> {
    await this.#machine.limiting;
    this.#machine.limits.set(handle.checkpoint.containerId, quantities);
  }

  async endForgotten(root: string, known: ReadonlySet<string>): Promise<string[]> {
    return this.#machine.endBelow(root, known);
  }

  async usage(handle: Handle): Promise<Usage | undefined> {
    return this.#handles.get(handle)?.status ? undefined : { processes: 1 + this.#running(handle) };
  }

  /** Commands as those of containers; what would not end goes on until `signal` aborts. */
  async exec(handle: Handle, { argv }: ExecSpec, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    if (argv[0] === 'exit') return Number(argv[1]);
    if (argv[0] === 'missing') return 127;
    this.#execs.set(handle, this.#running(handle) + 1);
    return new Promise((_, reject) => {
      const abort = (): void => {
        this.#execs.set(handle, this.#running(handle) - 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  #running(handle: Handle): number {
    return this.#execs.get(handle) ?? 0;
  }

  close(): void {
    this.#closed = true;
  }

  #track(container: FakeContainer): Handle {
    const exited = new Promise<ExitStatus>((resolve) => {
      const tell = (status: ExitStatus): void => {
        if (!this.#closed) resolve(status);
      };
      if (container.status) tell(container.status);
      else container.waiting.add(tell);
    });
    const handle: Handle = { checkpoint: container.checkpoint, exited };
    this.#handles.set(handle, container);
    return handle;
  }
}
