import { errorText } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { CHECKPOINT_VERSION } from './checkpoint/records.ts';
import type { AgentRecord, Checkpoints } from './checkpoint/records.ts';
import { agentErrors } from './errors.ts';
import { reconfigurationProblem } from './reconfiguration.ts';
import type { Declared, ReconfigurationPolicy } from './reconfiguration.ts';

interface AgentIdParts {
  readonly checkpoints: Pick<Checkpoints, 'readAgent' | 'writeAgent' | 'forgetAgent'>;
  readonly log: Logger;
  readonly declared: Declared;
  readonly policy: ReconfigurationPolicy;
  /** Changes at every boot of the machine; empty where nobody knows. */
  readonly bootId: string;
}

/** The id under which masters know this agent, on disk with what it promised under it. */
export class AgentId {
  readonly #parts: AgentIdParts;
  #value: string | undefined;

  private constructor(parts: AgentIdParts) {
    this.#parts = parts;
  }

  /**
   * The id of the agent that was here before. Rejects with AGENT_RECONFIGURED when that one promised what this one does not;
   * after a boot of the machine nothing of it runs any more, so then the promise and the id end together (mesos-api.md §4.5).
   */
  static async recover(parts: AgentIdParts): Promise<AgentId> {
    const id = new AgentId(parts);
    const { checkpoints, log, declared, policy, bootId } = parts;
    const record = await checkpoints.readAgent();
    if (!record) return id;
    const { agentId } = record;
    const booted = record.bootId !== undefined && bootId !== '' && record.bootId !== bootId;
    const problem = record.declared && reconfigurationProblem(record.declared, declared, policy);
    if (problem !== undefined && !booted) throw agentErrors.AGENT_RECONFIGURED({ agentId, problem, policy });
    if (problem !== undefined) {
      log.warn({ agentId, problem }, 'the machine was booted and the configuration changed: a new agent');
      await checkpoints.forgetAgent();
      return id;
    }
    if (booted) log.warn({ agentId }, 'the machine was booted: what ran is over, the agent keeps its id');
    id.#value = agentId;
    const now = id.#record(agentId);
    // a full disk must not keep the agent from its tasks: the next start compares with what was promised before
    if (JSON.stringify(now) !== JSON.stringify(record))
      await checkpoints
        .writeAgent(now)
        .catch((error: unknown) =>
          log.warn({ error: errorText(error) }, 'what the agent offers was not noted'),
        );
    return id;
  }

  get value(): string | undefined {
    return this.#value;
  }

  /** The master takes the agent under this id: it is on disk before it is used. */
  async adopt(agentId: string): Promise<void> {
    if (agentId === this.#value) return;
    const { checkpoints, log } = this.#parts;
    if (this.#value !== undefined) log.warn({ was: this.#value, agentId }, 'the master gave a new agent id');
    await checkpoints.writeAgent(this.#record(agentId));
    this.#value = agentId;
  }

  #record(agentId: string): AgentRecord {
    const { declared, bootId } = this.#parts;
    return { version: CHECKPOINT_VERSION, agentId, declared, bootId };
  }
}
