import { chmod, lchown, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { agentErrors } from '../errors.ts';
import { makeFolder, syncFolder, writeAtomically } from './durable.ts';
import { openJournal, readJournal } from './journal-file.ts';
import { Layout } from './layout.ts';
import { openParents } from './parents.ts';
import { isPast, readPast, writePast } from './past-files.ts';
import type { AgentRecord, Checkpoints, DrainRecord, RecoveredRun } from './records.ts';
import { CHECKPOINT_VERSION } from './records.ts';
import { removeRun, runPlaces } from './run-folders.ts';

/** The agent's memory in files below `workDir`. Rejects when the folder cannot be used. */
export async function openFileCheckpoints(workDir: string, log: Logger): Promise<Checkpoints> {
  const layout = new Layout(workDir);
  try {
    await makeFolder(layout.metaAgents);
    await makeFolder(layout.sandboxes);
    await openParents(layout);
  } catch (error) {
    throw agentErrors.AGENT_WORK_DIR({ path: layout.workDir, problem: errorText(error) }, error);
  }
  return {
    readAgent: () => readRecord<AgentRecord>(layout.agentFile),
    writeAgent: (record) => writeAtomically(layout.agentFile, JSON.stringify(record)),
    readDrain: () => readRecord<DrainRecord>(layout.drainFile),
    async writeDrain(record) {
      if (record) return writeAtomically(layout.drainFile, JSON.stringify(record));
      await rm(layout.drainFile, { force: true });
      await syncFolder(layout.meta);
    },
    async forgetAgent() {
      await rm(layout.drainFile, { force: true });
      await rm(layout.agentFile, { force: true });
      await syncFolder(layout.meta);
    },
    async create(place, first) {
      await makeFolder(layout.metaRun(place), 0o750);
      const journal = await openJournal(layout.journal(place));
      await journal.append(first);
      await syncFolder(layout.metaRun(place));
      return journal;
    },
    recover: () => recoverAll(layout, log),
    complete: (past) => writePast(layout, past),
    completed: () => readPast(layout, log),
    remove: (place) => removeRun(layout.metaRun(place), layout.metaAgents),
    runtimeDir: (place, nested) => layout.metaRun(place, nested),
    sandboxDir: (place, nested) => layout.sandbox(place, nested),
    async createSandbox(place, nested) {
      const path = layout.sandbox(place, nested);
      // the task may run as another user, who has to get there
      await makeFolder(dirname(path));
      await makeFolder(path, 0o750);
      if (nested === undefined) await pointLatest(path, place.containerId, log);
      else {
        await chmod(layout.sandbox(place), 0o711);
        await makeFolder(layout.metaRun(place, nested), 0o750);
      }
      return path;
    },
    async removeSandbox(place) {
      await closeFolder(layout.sandbox(place));
      await removeRun(layout.sandbox(place), layout.sandboxes);
      if (await isPast(layout, place)) await removeRun(layout.metaRun(place), layout.metaAgents);
    },
  };
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the path says what it is
async function readRecord<T extends { readonly version: number }>(path: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const record = parseRecord(path, text) as T;
  if (record.version > CHECKPOINT_VERSION)
    throw agentErrors.AGENT_CHECKPOINT_VERSION({ path, version: record.version, known: CHECKPOINT_VERSION });
  return record;
}

function parseRecord(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw agentErrors.AGENT_CHECKPOINT_DAMAGED({ path, problem: errorText(error) }, error);
  }
}

/** `runs/latest` leads to the newest run; where links are not permitted it is left out. */
async function pointLatest(sandbox: string, containerId: string, log: Logger): Promise<void> {
  const latest = join(dirname(sandbox), 'latest');
  try {
    await rm(`${latest}.new`, { force: true });
    await symlink(containerId, `${latest}.new`, 'dir');
    await rename(`${latest}.new`, latest);
  } catch (error) {
    log.warn({ error, latest }, 'the latest link was not set');
  }
}

/** Other tasks of its user must not exchange what is in there while root removes it. */
async function closeFolder(path: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  try {
    await lchown(path, 0, 0);
    await chmod(path, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function recoverAll(layout: Layout, log: Logger): Promise<RecoveredRun[]> {
  const runs: RecoveredRun[] = [];
  for (const place of await runPlaces(layout)) {
    if (await isPast(layout, place)) continue;
    const path = layout.journal(place);
    try {
      const records = await readJournal(path);
      // without a first record nothing was promised and nothing was started
      if (records === undefined) await removeRun(layout.metaRun(place), layout.metaAgents);
      else runs.push({ place, records, journal: await openJournal(path) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        await removeRun(layout.metaRun(place), layout.metaAgents);
      } else log.error({ error, path }, 'damaged checkpoint set aside; its task is ended');
    }
  }
  return runs;
}
