import { describe, expect, it } from 'vitest';
import { askedAt, changesOfSummary, ClusterModel, effectOf } from './index.ts';
import type { Change } from './index.ts';

const AGENT = { id: 'S0', hostname: 'h', host: '10.0.0.1', port: 5051, active: true };
const ADDED = {
  type: 'AGENT_ADDED',
  agent_added: {
    agent: {
      agent_info: { id: { value: 'S0' }, hostname: 'h' },
      pid: 'slave(1)@10.0.0.1:5051',
      active: true,
    },
  },
};

function withAgent(active = true): ClusterModel {
  const model = new ClusterModel();
  model.apply({ kind: 'agent', id: 'S0', value: { ...AGENT, active } });
  return model;
}

function arrives(model: ClusterModel, event: unknown): readonly Change[] {
  const effect = effectOf(model, event);
  if (effect.kind !== 'changes') throw new Error(effect.reason);
  for (const change of effect.changes) model.apply(change);
  return effect.changes;
}

describe('a summary', () => {
  it.each([true, false])('says that the connection of an agent is another one than it was (%s)', (was) => {
    const model = withAgent(was);
    const summary = { slaves: [{ id: 'S0', active: !was }], frameworks: [] };
    expect(changesOfSummary(model, askedAt(model), summary)).toEqual([
      { kind: 'agent', id: 'S0', value: { ...AGENT, active: !was } },
    ]);
    expect(changesOfSummary(withAgent(!was), askedAt(model), summary)).toEqual([]);
  });

  it('from before an agent came back does not take it away, though it looks as it did', () => {
    const model = withAgent();
    const asked = askedAt(model);
    const silentlyGone = { slaves: [], frameworks: [] };
    expect(changesOfSummary(model, asked, silentlyGone)).toHaveLength(1);
    arrives(model, ADDED);
    expect(model.agents.get('S0')).toEqual(AGENT);
    expect(changesOfSummary(model, asked, silentlyGone)).toEqual([]);
  });
});
