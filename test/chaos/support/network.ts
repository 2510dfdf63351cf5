import { execFileSync } from 'node:child_process';
import { has } from '../../support/peers.ts';

/** What partitions need of this machine. */
export const canPartition =
  process.platform === 'linux' && process.getuid?.() === 0 && has('ip') && has('nft') && namespacesWork();

type Way = 'in' | 'out';

let count = 0;

/** A network namespace of this test's own, with a cable to the machine that can be cut, also in one direction only. */
export class Island {
  readonly name: string;
  /** The machine as seen from inside, and the inside as seen from the machine. */
  readonly outside: string;
  readonly inside: string;

  constructor() {
    const n = count++;
    this.name = `rimrock-${process.pid}-${n}`;
    const [near, far] = [`rr${process.pid % 100_000}n${n}`, `rr${process.pid % 100_000}f${n}`];
    const net = `10.${200 + (process.pid % 50)}.${(process.pid >> 6) % 250}`;
    this.outside = `${net}.${4 * n + 1}`;
    this.inside = `${net}.${4 * n + 2}`;
    run('ip', 'netns', 'add', this.name);
    run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', this.name);
    run('ip', 'addr', 'add', `${this.outside}/30`, 'dev', near);
    run('ip', 'link', 'set', near, 'up');
    run(...this.within, 'ip', 'addr', 'add', `${this.inside}/30`, 'dev', far);
    run(...this.within, 'ip', 'link', 'set', far, 'up');
    run(...this.within, 'ip', 'link', 'set', 'lo', 'up');
  }

  /** Words before a command that let it run inside. */
  get within(): [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** Drop what comes in from the machine, what goes out to it, or both. Loopback is left alone. */
  cut(ways: readonly Way[]): void {
    const chains = ways.map((way) => {
      const [hook, side] = way === 'in' ? ['input', 'iifname'] : ['output', 'oifname'];
      return `chain ${way} { type filter hook ${hook} priority 0; ${side} "lo" accept; drop; };`;
    });
    execFileSync('ip', [...this.within.slice(1), 'nft', '-f', '-'], {
      input: `table inet cut { ${chains.join(' ')} };\n`,
    });
  }

  mend(): void {
    run(...this.within, 'nft', 'delete', 'table', 'inet', 'cut');
  }

  /** Its end of the cable goes with it. */
  close(): void {
    run('ip', 'netns', 'del', this.name);
  }
}

function run(file: string, ...given: readonly string[]): void {
  execFileSync(file, given, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function namespacesWork(): boolean {
  const name = `rimrock-probe-${process.pid}`;
  try {
    run('ip', 'netns', 'add', name);
    run('ip', 'netns', 'del', name);
    return true;
  } catch {
    return false;
  }
}
