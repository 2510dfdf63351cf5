import { open, readFile, truncate } from 'node:fs/promises';
import { agentErrors } from '../errors.ts';
import { writeAtomically } from './durable.ts';
import type { Journal, JournalRecord } from './records.ts';
import { CHECKPOINT_VERSION } from './records.ts';

/** A JSON object a line, flushed to disk record by record. */
export async function openJournal(path: string): Promise<Journal> {
  let handle = await open(path, 'a', 0o644);
  let last: Promise<void> = Promise.resolve();
  let broken: unknown;
  const serially = (work: () => Promise<void>): Promise<void> => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
  return {
    append(record) {
      return serially(async () => {
        // after a failed write the end of the file is unknown: nothing may follow it
        if (broken !== undefined) throw broken;
        try {
          await handle.appendFile(lineOf(record));
          await handle.datasync();
        } catch (error) {
          broken = error;
          throw error;
        }
      });
    },
    rewrite(records) {
      return serially(async () => {
        await writeAtomically(path, records.map(lineOf).join(''));
        const old = handle;
        handle = await open(path, 'a', 0o644);
        broken = undefined;
        await old.close();
      });
    },
    async close() {
      await last;
      await handle.close();
    },
  };
}

const lineOf = (record: JournalRecord): string => `${JSON.stringify(record)}\n`;

/**
 * The records of a journal. A last line without line feed was never acknowledged: it is cut off. Undefined when there
 * is no complete record. Throws when a complete line cannot be read or is of a newer format.
 */
export async function readJournal(path: string): Promise<readonly JournalRecord[] | undefined> {
  const bytes = await readFile(path);
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end < bytes.length) await truncate(path, end);
  if (end === 0) return undefined;
  const records = bytes
    .toString('utf8', 0, end - 1)
    .split('\n')
    .map((line) => JSON.parse(line) as JournalRecord);
  const first = records[0];
  if (first?.type !== 'LAUNCH' && first?.type !== 'EXECUTOR')
    throw new Error('the journal does not begin with a LAUNCH or an EXECUTOR record');
  if (first.version > CHECKPOINT_VERSION)
    throw agentErrors.AGENT_CHECKPOINT_VERSION({ path, version: first.version, known: CHECKPOINT_VERSION });
  return records;
}
