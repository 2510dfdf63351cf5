import { readdir, readFile, rename, rm, rmdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import { agentErrors } from '../errors.ts';
import { makeFolder, syncFolder, writeAtomically } from './durable.ts';
import { openJournal, readJournal } from './journal-file.ts';
import { Layout } from './layout.ts';
import type { AgentRecord, Checkpoints, RecoveredRun, RunPlace } from './records.ts';
import { CHECKPOINT_VERSION } from './records.ts';

/** The agent's memory in files below `workDir`. Rejects when the folder cannot be used. */
export async function openFileCheckpoints(workDir: string, log: Logger): Promise<Checkpoints> {
  const layout = new Layout(workDir);
  try {
    await makeFolder(layout.metaAgents);
    await makeFolder(layout.sandboxes);
  } catch (error) {
    throw agentErrors.AGENT_WORK_DIR({ path: layout.workDir, problem: errorText(error) }, error);
  }
  return {
    readAgent: () => readAgent(layout.agentFile),
    writeAgent: (record) => writeAtomically(layout.agentFile, JSON.stringify(record)),
    async forgetAgent() {
      await rm(layout.agentFile, { force: true });
      await syncFolder(layout.meta);
    },
    async create(place, launch) {
      await makeFolder(layout.metaRun(place), 0o750);
      const journal = await openJournal(layout.journal(place));
      await journal.append(launch);
      await syncFolder(layout.metaRun(place));
      return journal;
    },
    recover: () => recoverAll(layout, log),
    remove: (place) => removeRun(layout.metaRun(place), layout.metaAgents),
    runtimeDir: (place) => layout.metaRun(place),
    sandboxDir: (place) => layout.sandbox(place),
    async createSandbox(place) {
      const path = layout.sandbox(place);
      await makeFolder(path, 0o750);
      await pointLatest(path, place.containerId, log);
      return path;
    },
    removeSandbox: (place) => removeRun(layout.sandbox(place), layout.sandboxes),
  };
}

async function readAgent(path: string): Promise<AgentRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const record = parseAgent(path, text);
  if (record.version > CHECKPOINT_VERSION)
    throw agentErrors.AGENT_CHECKPOINT_VERSION({ path, version: record.version, known: CHECKPOINT_VERSION });
  return record;
}

function parseAgent(path: string, text: string): AgentRecord {
  try {
    return JSON.parse(text) as AgentRecord;
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

/** Remove a run's folder, then the parents that became empty, up to `root`. */
async function removeRun(path: string, root: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  const runs = dirname(path);
  const left = await folders(runs);
  if (left.every((name) => name === 'latest')) await rm(join(runs, 'latest'), { force: true });
  for (let at = runs; at !== root && at.startsWith(root); at = dirname(at)) {
    try {
      await rmdir(at);
    } catch {
      return; // not empty: something else lives there
    }
  }
}

async function folders(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch {
    return [];
  }
}

async function recoverAll(layout: Layout, log: Logger): Promise<RecoveredRun[]> {
  const runs: RecoveredRun[] = [];
  for (const place of await places(layout)) {
    const path = layout.journal(place);
    try {
      const records = await readJournal(path);
      // without a LAUNCH record nothing was promised and nothing was started
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

async function places(layout: Layout): Promise<RunPlace[]> {
  const found: RunPlace[] = [];
  const root = layout.metaAgents;
  for (const agentId of await folders(root)) {
    const frameworks = join(root, agentId, 'frameworks');
    for (const frameworkId of await folders(frameworks)) {
      const executors = join(frameworks, frameworkId, 'executors');
      for (const taskId of await folders(executors)) {
        for (const containerId of await folders(join(executors, taskId, 'runs')))
          found.push({ agentId, frameworkId, taskId, containerId });
      }
    }
  }
  return found;
}
