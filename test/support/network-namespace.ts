import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

const CLONE_NEWNET = 0x4000_0000;

/**
 * A network of this test's own, with an address besides that of `lo`: sockets of this thread, and programs that it starts, are in there from
 * `make` to `remove`; in one that is there already, from `enter` to `leave`. What is done to its rules and routes does nothing to those of the machine. Needs root on Linux.
 */
export class NetworkNamespace {
  readonly #name: string;
  readonly #setns = koffi.load(null).func('setns', 'int', ['int', 'int']);
  #home = -1;

  static readonly possible = process.platform === 'linux' && process.getuid?.() === 0;

  constructor(name = `rimrock-${process.pid}-own`) {
    this.#name = name;
  }

  make(): void {
    execFileSync('ip', ['netns', 'add', this.#name]);
    this.enter();
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    // an address from which others can be called: that of `lo` is none
    execFileSync('ip', ['link', 'add', 'name', 'own0', 'type', 'bridge']);
    execFileSync('ip', ['address', 'add', '10.79.0.1/24', 'dev', 'own0']);
    execFileSync('ip', ['link', 'set', 'own0', 'up']);
  }

  remove(): void {
    if (this.#home < 0) return;
    this.leave();
    execFileSync('ip', ['netns', 'delete', this.#name]);
  }

  enter(): void {
    this.#home = openSync('/proc/thread-self/ns/net', 'r');
    this.#move(`/run/netns/${this.#name}`);
  }

  leave(): void {
    if (this.#home < 0) return;
    this.#move('/proc/self/fd/' + this.#home);
    closeSync(this.#home);
    this.#home = -1;
  }

  #move(path: string): void {
    const fd = openSync(path, 'r');
    const result = this.#setns(fd, CLONE_NEWNET) as number;
    closeSync(fd);
    if (result !== 0) throw new Error(`${path} cannot be entered`);
  }
}
