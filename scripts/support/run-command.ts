import { spawn } from 'node:child_process';

export interface CommandResult {
  /** The exit status; 1 when the command could not start or ran into its limit. */
  readonly code: number;
  /** stdout and stderr in order of arrival; empty when the command wrote to the terminal itself. */
  readonly output: string;
  readonly ms: number;
}

/** Run a command to its end, or end it (and its children) when `timeoutMs` is over. */
export function runCommand(
  command: readonly string[],
  options: {
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly timeoutMs: number;
    /** Collect the output instead of showing it. */
    readonly quiet: boolean;
  },
): Promise<CommandResult> {
  const started = performance.now();
  const [file = '', ...rest] = command;
  const { promise, resolve } = Promise.withResolvers<CommandResult>();
  const child = spawn(file, rest, {
    cwd: options.cwd,
    env: options.env,
    stdio: options.quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
  });
  let output = '';
  const collect = (piece: Buffer): void => void (output += piece.toString());
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const limit = setTimeout(() => {
    output += `\nended after ${options.timeoutMs / 1000} s`;
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
  }, options.timeoutMs);
  const settle = (code: number): void => {
    clearTimeout(limit);
    resolve({ code, output, ms: performance.now() - started });
  };
  child.on('error', (error) => {
    output += error.message;
    settle(1);
  });
  child.on('close', (code) => settle(code ?? 1));
  return promise;
}
