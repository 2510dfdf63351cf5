import type { Logger } from '../../../core/log.ts';
import type { RunCommand } from '../../../net/index.ts';
import { removalScript } from '../plan/index.ts';

/** Takes a table of ours out of the kernel, whether or not it is there. Never rejects; says so when it could not be done. */
export async function removeTable(run: RunCommand, table: string, log: Logger): Promise<void> {
  const { ok, problem } = await run(['nft', '-f', '-'], removalScript(table));
  if (!ok) log.warn({ table, problem }, 'the table of VIPs could not be removed');
}
