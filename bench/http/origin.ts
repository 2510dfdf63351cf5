import { join } from 'node:path';
import { freePorts } from '../../test/support/free-ports.ts';
import { LOAD_CORE, compiled, start } from '../support/machine.ts';
import type { Started } from '../support/machine.ts';
import { untilOpen } from './open.ts';

export interface Origin extends Started {
  /** On every address of the machine. */
  readonly port: number;
}

/** The C program that all proxies have behind them. */
export async function startOrigin(): Promise<Origin> {
  const program = compiled(join(import.meta.dirname, 'origin.c'));
  if (program === undefined) throw new Error('no C compiler (gcc), so no origin');
  const [port = 0] = await freePorts(1);
  const started = start(LOAD_CORE, [program, String(port)]);
  await untilOpen(port);
  return { ...started, port };
}
