/** Code that is made wrong on purpose, to see whether the simulation notices. */
export interface Mutant {
  readonly what: string;
  readonly file: string;
  /** A text that is once in the file. */
  readonly from: string;
  readonly to: string;
}

const LEASE = 'src/store/consul/lease.ts';
const ELECTION = 'src/store/leader-election.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    what: 'a master tells its streams anything without asking for its lease (`mayTell`)',
    file: 'src/master/master.ts',
    from: 'mayTell: () => term?.holds() ?? false',
    to: 'mayTell: () => true',
  },
  {
    what: 'it answers calls without asking for its lease',
    file: ELECTION,
    from: 'if (this.#term && !this.#term.holds()) this.#depose();',
    to: '',
  },
  {
    what: 'it writes without the fence',
    file: 'src/store/consul/writes.ts',
    from: 'fence ? [fence.check, ...operations] : operations',
    to: 'operations',
  },
  {
    what: 'a master goes on after a write without an answer',
    file: LEASE,
    from: "doubtful: () => this.#end('a write without an answer')",
    to: 'doubtful: () => {}',
  },
  {
    what: 'the lease is not compared with the wall clock',
    file: LEASE,
    from: 'if (nowMs < this.#wallUntilMs)',
    to: 'if (leftMs > 0)',
  },
  {
    what: 'the lease is not compared with the monotonic clock',
    file: LEASE,
    from: 'this.#wallUntilMs = Math.min(this.#wallUntilMs, nowMs + leftMs);',
    to: '',
  },
  {
    what: 'the lease is counted from the answer of Consul',
    file: LEASE,
    from: '      this.#prolong(begunMs, wallMs);\n    } catch',
    to: '      this.#prolong(clock.monotonic(), clock.now());\n    } catch',
  },
  {
    what: 'others wait for half a lease only',
    file: 'src/store/consul/candidacy.ts',
    from: 'const PATIENCE = 1.5;',
    to: 'const PATIENCE = 0.5;',
  },
  {
    what: 'who leaves deletes the key of the leader without looking whose it is',
    file: LEASE,
    from: "client.transact([this.#check(), { Verb: 'delete'",
    to: "client.transact([{ Verb: 'delete'",
  },
  {
    what: 'Consul gives the lock of a session that has ended at once',
    file: 'src/store/testing/fake-consul.ts',
    from: 'this.#clock.monotonic() + session.delayMs',
    to: 'this.#clock.monotonic()',
  },
  {
    what: 'a term gives out ids of the term before',
    file: 'src/master/master.ts',
    from: 'electedMs === startedMs ? id : parts.random.uuid()',
    to: 'id',
  },
  {
    what: 'streams stay open when the lease is over',
    file: 'src/master/engine.ts',
    from: 'this.operators.endAll();\n    this.streams.endAll();',
    to: '',
  },
  {
    what: 'a master answers before it has read the registry',
    file: ELECTION,
    from: "kind: this.#recovered ? 'leads' : 'recovers'",
    to: "kind: 'leads'",
  },
  {
    what: 'agents of the registry have no time to come back',
    file: 'src/master/recovery.ts',
    from: 'clock.monotonic() + reregisterMs',
    to: 'clock.monotonic()',
  },
  {
    what: 'a status is acknowledged that no framework has heard',
    file: 'src/master/state/updates.ts',
    from: '  sendUpdate(step, framework, status);\n}',
    to: `  toAgent(step, agent.streamId, {
    type: 'ACKNOWLEDGE',
    acknowledge: { framework_id: update.framework_id, task_id: status.task_id, uuid: status.uuid ?? '' },
  });
  sendUpdate(step, framework, status);
}`,
  },
  {
    what: 'an agent is let in while the registry is written',
    file: 'src/master/admission.ts',
    from: 'await write(work, admission);',
    to: 'void write(work, admission);',
  },
  {
    what: 'the registry is written key by key',
    file: 'src/master/registry.ts',
    from: `    return this.#store.write(
      Object.entries(folders).map(([folder, value]) => ({ key: \`\${ROOT}/\${folder}/\${agentId}\`, value })),
    );`,
    to: `    return (async () => {
      for (const [folder, value] of Object.entries(folders))
        await this.#store.write([{ key: \`\${ROOT}/\${folder}/\${agentId}\`, value }]);
    })();`,
  },
  {
    what: 'a deployment that could not be forgotten is not forgotten again',
    file: 'src/frameworks/marathon/deployments/deployments.ts',
    from: 'this.#over.add(id);',
    to: '',
  },
];
