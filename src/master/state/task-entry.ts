import type {
  KillPolicy,
  Resource,
  Scalar,
  Task,
  TaskInfo,
  TaskState,
  TaskStatus,
} from '../../mesos/index.ts';
import { TASK_STATES, asciiJson, hideSecrets } from '../../mesos/index.ts';
import { readText } from './kept-text.ts';
import type { KeptText, KeptTexts } from './kept-text.ts';
import { postRefinement, toInternal } from './resource-format.ts';

/** What the master keeps of a TaskInfo: what operators may see and the sums need. The rest is its agent's. */
export interface KeptInfo extends Pick<
  TaskInfo,
  'name' | 'labels' | 'discovery' | 'container' | 'health_check' | 'kill_policy' | 'limits'
> {
  /** Internal format with their allocation role. */
  readonly resources: readonly Resource[];
}

type Json = Readonly<Record<string, unknown>>;

/** Of a new task. */
interface TaskParts {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly role: string;
  readonly executorId?: string | undefined;
  readonly commandUser?: string | undefined;
  readonly executorUser?: string | undefined;
  readonly info: KeptInfo;
  readonly state: TaskState;
  readonly statuses: readonly TaskStatus[];
  readonly updateState?: TaskState | undefined;
  readonly updateUuid?: string | undefined;
  readonly kill?: TaskEntry['kill'];
}

const beginOf = ([first]: readonly TaskStatus[]): number => first?.timestamp ?? 0;

/**
 * A task as the master knows it. One that is left in peace for a moment is kept as the text that operators get of it, and what is not in a field here is
 * read from that text when somebody asks (`info`, `statuses`: once per use, please). As objects it would be seventy for each
 * full collection to visit.
 */
export class TaskEntry {
  readonly id: string;
  readonly frameworkId: string;
  readonly agentId: string;
  readonly role: string;
  /** The executor that runs it; absent for command tasks, which have none of the framework's. */
  readonly executorId: string | undefined;
  /** Of its command, and of that of its executor. */
  readonly commandUser: string | undefined;
  readonly executorUser: string | undefined;
  /** Set once a kill was asked for: it is said again when the agent comes back. */
  kill: { readonly policy?: KillPolicy } | undefined;
  #state: TaskState;
  #updateState: TaskState | undefined;
  #updateUuid: string | undefined;
  /** Undefined: in the text. */
  #info: KeptInfo | undefined;
  #statuses: readonly TaskStatus[] | undefined;
  #since = 0;
  #text: KeptText | undefined;
  #fixed = 0;
  /** Whether the text says what is now. */
  #isWritten = false;

  /** A new one, or one that is as another is now. */
  constructor(parts: TaskParts | TaskEntry) {
    this.id = parts.id;
    this.frameworkId = parts.frameworkId;
    this.agentId = parts.agentId;
    this.role = parts.role;
    this.executorId = parts.executorId;
    this.commandUser = parts.commandUser;
    this.executorUser = parts.executorUser;
    this.kill = parts.kill;
    this.#state = same(parts.state);
    this.#updateState = parts.updateState && same(parts.updateState);
    this.#updateUuid = parts.updateUuid;
    if (#text in parts) {
      this.#info = parts.#info;
      this.#statuses = parts.#statuses;
      this.#since = parts.#since;
      this.#text = parts.#text;
      this.#fixed = parts.#fixed;
    } else {
      this.#info = parts.info;
      this.#statuses = parts.statuses;
      this.#since = beginOf(parts.statuses);
    }
  }

  /** The latest state the agent told; may be ahead of what the framework has seen. */
  get state(): TaskState {
    return this.#state;
  }

  set state(state: TaskState) {
    if (state !== this.#state) this.#isWritten = false;
    this.#state = same(state);
  }

  /** State and uuid of the last status that went to the framework. */
  get updateState(): TaskState | undefined {
    return this.#updateState;
  }

  get updateUuid(): string | undefined {
    return this.#updateUuid;
  }

  get user(): string | undefined {
    return this.commandUser ?? this.executorUser;
  }

  get info(): KeptInfo {
    return this.#info ?? infoOf(JSON.parse(`${readText(this.#whole(), 0, this.#fixed - 1)}}`) as KeptInfo);
  }

  /** One status per distinct consecutive state, `data` removed. */
  get statuses(): readonly TaskStatus[] {
    if (this.#statuses) return this.#statuses;
    return (JSON.parse(`{${readText(this.#whole(), this.#fixed)}`) as Task).statuses ?? [];
  }

  /** Seconds since 1970 of its first status; 0: there is none. By this lists are sorted, which is to need no text. */
  get since(): number {
    return this.#since;
  }

  /** A status has gone to the framework. */
  record(statuses: readonly TaskStatus[], last: Pick<TaskStatus, 'state' | 'uuid'>): void {
    this.#statuses = statuses;
    this.#since = beginOf(statuses);
    this.#updateState = same(last.state);
    this.#updateUuid = last.uuid;
    this.#isWritten = false;
  }

  /** The task as operators see it. */
  document(): Task {
    if (this.#isWritten) return JSON.parse(readText(this.#whole())) as Task;
    return { ...this.#fixedDocument(this.info), ...this.#movingDocument() } as unknown as Task;
  }

  /** The JSON of that, as ASCII. */
  written(): string {
    if (this.#isWritten) return readText(this.#whole());
    return this.#fixedText() + this.#movingText();
  }

  /** The same for who needs it later, whatever happens to the task meanwhile: the text that is kept, or what to write it of. */
  picture(): KeptText | TaskEntry {
    return this.#isWritten ? this.#whole() : new TaskEntry(this);
  }

  /** Keep it as text from now on. Its text is in use; whoever walks over all texts in use calls this. */
  keep(texts: KeptTexts): void {
    if (this.#isWritten) this.#text = texts.keep(this.#whole());
    else if (this.#info) {
      const fixed = this.#fixedText();
      this.#text = texts.add(fixed + this.#movingText());
      this.#fixed = fixed.length;
    } else this.#text = texts.add(this.#movingText(), this.#text, this.#fixed);
    this.#info = undefined;
    this.#statuses = undefined;
    this.#isWritten = true;
  }

  #whole(): KeptText {
    if (!this.#text) throw new Error('a task has neither objects nor text');
    return this.#text;
  }

  /** What stays as long as it is on its agent. */
  #fixedDocument(info: KeptInfo): Json {
    const { name, resources, ...rest } = info;
    return {
      name,
      task_id: { value: this.id },
      framework_id: { value: this.frameworkId },
      ...(this.executorId === undefined ? {} : { executor_id: { value: this.executorId } }),
      agent_id: { value: this.agentId },
      resources: postRefinement(resources),
      ...rest,
      ...(this.user === undefined ? {} : { user: this.user }),
    };
  }

  #movingDocument(): Json {
    const { statuses } = this;
    return {
      state: this.#state,
      ...(statuses.length === 0 ? {} : { statuses }),
      ...(this.#updateState === undefined ? {} : { status_update_state: this.#updateState }),
      ...(this.#updateUuid === undefined ? {} : { status_update_uuid: this.#updateUuid }),
    };
  }

  /** With the comma that what moves comes behind. */
  #fixedText(): string {
    if (!this.#info) return readText(this.#whole(), 0, this.#fixed);
    return `${asciiJson(this.#fixedDocument(this.#info)).slice(0, -1)},`;
  }

  #movingText(): string {
    return asciiJson(this.#movingDocument()).slice(1);
  }
}

/** What of a task is kept, of what its framework or its agent says of it; secrets are not. */
export function partsOf(
  info: TaskInfo,
): Pick<TaskParts, 'id' | 'info' | 'executorId' | 'commandUser' | 'executorUser'> {
  const { name, resources, labels, discovery, kill_policy } = info;
  const container = hideSecrets(info.container);
  const health_check = hideSecrets(info.health_check);
  const limits = info.limits && Object.fromEntries(Object.entries(info.limits).map(writableLimit));
  return {
    id: info.task_id.value,
    executorId: info.executor?.executor_id.value,
    commandUser: info.command?.user,
    executorUser: info.executor?.command?.user,
    info: {
      name,
      resources,
      ...(labels && { labels }),
      ...(discovery && { discovery }),
      ...(container && { container }),
      ...(health_check && { health_check }),
      ...(kill_policy && { kill_policy }),
      ...(limits && { limits }),
    },
  };
}

/** JSON has no number for no limit, only the word. */
function writableLimit([name, limit]: readonly [string, Scalar]): readonly [string, Scalar] {
  return limit.value === Infinity ? [name, NO_LIMIT] : [name, limit];
}

const NO_LIMIT = { value: 'Infinity' } as unknown as Scalar;

function infoOf(document: KeptInfo): KeptInfo {
  const { name, resources, labels, discovery, container, health_check, kill_policy, limits } = document;
  return {
    name,
    resources: resources.map(toInternal),
    ...(labels && { labels }),
    ...(discovery && { discovery }),
    ...(container && { container }),
    ...(health_check && { health_check }),
    ...(kill_policy && { kill_policy }),
    ...(limits && { limits }),
  };
}

const STATES = new Map(TASK_STATES.map((state) => [state, state]));

/** One string for all tasks: what was read has one for each. */
function same(state: TaskState): TaskState {
  return STATES.get(state) ?? state;
}
