import { collected, writtenPieces } from '../../core/http/long-answer.ts';
import type { Pieces } from '../../core/http/long-answer.ts';
import type { MediaType } from '../../core/http/v1-calls.ts';
import { jsonTexts } from '../../core/json/long-list.ts';
import type { Work } from '../../core/slices.ts';
import { asciiJson } from '../../mesos/index.ts';
import { longProtobuf } from '../../mesos/proto/index.ts';
import type { FrameworkEntry, MasterState, TaskEntry } from '../state/model.ts';
import { agentText } from './agent-text.ts';
import { executorText, subscribedV1 } from './lists-v1.ts';

/** So many entities are looked at before the work may be interrupted. */
const LOOKS_IN_A_ROW = 64;

/**
 * The record with which an operator stream begins; the state is as it is at the call, however long the work takes. It begins with its length, so nothing of it
 * can go out before all of it is written once.
 */
export function subscribedRecord(state: MasterState, heartbeatSeconds: number, form: MediaType): Pieces {
  const event = subscribedV1(state, heartbeatSeconds);
  const written =
    form === 'application/json'
      ? collected(jsonTexts(event, asciiJson))
      : longProtobuf('master.Event', event);
  return writtenPieces(written, (bytes) => `${bytes}\n`);
}

/**
 * Write what would have to be written for the next one who asks, so that it is there by then. Tasks are kept as what is written of them from then on, also
 * those that are over or out of reach. A task that has only just been launched is left alone, it will be another one in a moment.
 */
export function* writtenAhead(state: MasterState): Work<void> {
  const { texts } = state;
  texts.beginWalk();
  let looks = 0;
  for (const agent of state.agents.values()) {
    if (agent.offered.length === 0) agentText(agent, agent);
    if (++looks % LOOKS_IN_A_ROW === 0) yield;
  }
  for (const framework of [...state.frameworks.values(), ...state.completedFrameworks.values()]) {
    for (const executor of framework.executors) {
      executor.shown = executor.shown ? texts.keep(executor.shown) : texts.add(executorText(executor));
      if (++looks % LOOKS_IN_A_ROW === 0) yield;
    }
    for (const task of tasksOf(framework)) {
      if (task.state !== 'TASK_STAGING') task.keep(texts);
      if (++looks % LOOKS_IN_A_ROW === 0) yield;
    }
  }
}

function* tasksOf({ tasks, unreachableTasks, completedTasks }: FrameworkEntry): Generator<TaskEntry> {
  yield* tasks.values();
  yield* unreachableTasks.values();
  yield* completedTasks;
}
