import type { ExecutorInfo, FrameworkInfo } from '../../mesos/index.ts';
import type { ExecutorRecord, RunPlace } from '../checkpoint/records.ts';
import { CHECKPOINT_VERSION } from '../checkpoint/records.ts';
import type { TaskContext } from '../tasks/context.ts';
import { ExecutorJournal } from './executor-journal.ts';

/** Have it on disk that an executor is to be, and make its sandbox. */
export async function openExecutor(
  { checkpoints, clock }: Pick<TaskContext, 'checkpoints' | 'clock'>,
  place: RunPlace,
  framework: FrameworkInfo,
  executor: ExecutorInfo,
): Promise<ExecutorJournal> {
  const { agentId, containerId } = place;
  const first: ExecutorRecord = {
    type: 'EXECUTOR',
    version: CHECKPOINT_VERSION,
    agentId,
    containerId,
    framework,
    executor,
    at: clock.now(),
  };
  const journal = await checkpoints.create(place, first);
  await checkpoints.createSandbox(place);
  return new ExecutorJournal(journal, [first]);
}
