import { describe, expect, it } from 'vitest';
import { createCatalogBuilder, stateFromV0, stateFromV1 } from '../../src/cluster/index.ts';
import type { CatalogVersion, ClusterState } from '../../src/cluster/index.ts';
import { ClusterModel, diffStates, effectOf } from '../../src/cluster/model/index.ts';
import { exchanges, recordedBody, recordedBytes, recordedEvents } from '../support/replay-captures.ts';
import { StreamSession } from '../../src/cluster/watch/session.ts';

const SITUATIONS = [
  'master-empty',
  'master-running',
  'master-agent2-unreachable',
  'master-agent2-back',
  'master-fw-disconnected',
  'master-end',
  'dns',
  'restart',
];

const polled = (situation: string, name = 'GET_state'): ClusterState =>
  stateFromV0(recordedBody(situation, name), []);

function streamed(situation: string, name = 'v1_GET_STATE'): ClusterModel {
  const body = recordedBody(situation, name) as { readonly get_state: unknown };
  const leader = { ip: '127.0.0.1', port: 5050 };
  return stateFromV1(body.get_state, { masters: [], leader });
}

/** Follow the recorded stream; `at(i)` is called with the state after each event. */
function followRecording(at?: (index: number, state: ClusterModel) => void): ClusterModel {
  let state = new ClusterModel();
  for (const [i, { event }] of recordedEvents('operator-stream--json').entries()) {
    if (i === 0) {
      const { subscribed } = event as { readonly subscribed: { readonly get_state: unknown } };
      state = stateFromV1(subscribed.get_state, { masters: [], leader: undefined });
    } else {
      const effect = effectOf(state, event);
      if (effect.kind === 'inconsistent') throw new Error(`event ${i}: ${effect.reason}`);
      for (const change of effect.changes) state.apply(change);
    }
    at?.(i, state);
  }
  return state;
}

const short = (id: string): string => id.slice(id.lastIndexOf('-') + 1);

/** Services as text: `name: up@ip:port|...`, for the eye. */
function picture(version: CatalogVersion): string[] {
  return [...version.services.values()]
    .map((s) => {
      const instances = s.instances.map(
        (i) =>
          `${i.phase}${i.healthy === undefined ? '' : i.healthy ? '+' : '-'} ${i.addresses.map((a) => a && `${a.ip}:${a.port}`).join(',')}`,
      );
      return `${s.key}: ${instances.join(' | ')}`;
    })
    .sort();
}

function catalogOf(state: ClusterState): CatalogVersion {
  const builder = createCatalogBuilder({ emptyServiceMs: 0 });
  builder.apply({ kind: 'snapshot', state }, 0);
  return builder.current;
}

/** Everything but when tasks started, and health of frameworks, which the stream does not tell. */
function comparable(state: ClusterState): unknown {
  return {
    agents: new Map(state.agents),
    tasks: new Map([...state.tasks].map(([key, task]) => [key, { ...task, startedAtMs: 0 }])),
    frameworks: new Map(state.frameworks),
    rejected: new Map(state.rejected),
  };
}

describe('captures of a real Mesos', () => {
  it('has nothing to reject in any recorded state', () => {
    let states = 0;
    for (const situation of SITUATIONS) {
      for (const exchange of exchanges(situation)) {
        const { body } = exchange.response;
        if (typeof body !== 'object' || body === null) continue;
        if (/^GET_(master_)?state(-|$)/.test(exchange.name) && 'slaves' in body && 'leader' in body) {
          const state = stateFromV0(body, []);
          expect([...state.rejected], `${situation} ${exchange.name}`).toEqual([]);
          expect(state.leader).toEqual({ ip: '127.0.0.1', port: 5050 });
          states++;
        }
        if ('get_state' in body) {
          expect([...stateFromV1(body.get_state, { masters: [], leader: undefined }).rejected]).toEqual([]);
          states++;
        }
      }
    }
    expect(states).toBeGreaterThan(14);
  });

  it.each(['master-empty', 'master-running', 'master-agent2-unreachable', 'dns'])(
    'reads the same state from v0 and v1 (%s)',
    (situation) => {
      expect(diffStates(polled(situation), streamed(situation))).toEqual([]);
      expect(diffStates(streamed(situation), polled(situation))).toEqual([]);
    },
  );

  it('follows the recorded event stream to the states that were read beside it', () => {
    const seen = new Map<number, unknown>();
    const end = followRecording((i, state) => seen.set(i, comparable(ClusterModel.of(state))));
    expect(seen.get(0)).toEqual(comparable(polled('master-empty')));
    expect(seen.get(62)).toEqual(comparable(streamed('master-running')));
    expect(seen.get(90)).toEqual(comparable(polled('master-agent2-unreachable')));
    expect(seen.get(92)).toEqual(comparable(polled('master-agent2-back')));
    expect(comparable(end)).toEqual(comparable(polled('master-end')));
  });

  it('decodes the recorded bytes, however they were cut, into the same states', () => {
    const bytes = recordedBytes('operator-stream--json');
    const expected = comparable(followRecording());
    // Read whole, or taken apart as they arrive: the same.
    const sizes = [1, 7, 300, 4096, bytes.length];
    const ways = sizes.flatMap((size) => [1, 65_536].map((largeBytes) => ({ size, largeBytes })));
    for (const { size, largeBytes } of ways) {
      const session = new StreamSession({
        masters: [],
        leader: undefined,
        previous: undefined,
        largeBytes,
      });
      const consumer = new ClusterModel();
      for (let i = 0; i < bytes.length; i += size) {
        const step = session.push(bytes.subarray(i, i + size));
        if (step.kind !== 'ok') throw new Error(step.reason);
        for (const event of step.events) {
          if (event.kind === 'delta') for (const change of event.changes) consumer.apply(change);
        }
        if (session.model) expect(diffStates(consumer, session.model)).toEqual([]);
      }
      expect(comparable(consumer)).toEqual(expected);
    }
  });

  it('knows when health-checked tasks first ran, and their verdicts', () => {
    const verdicts: (boolean | undefined)[] = [];
    const starts = new Set<number>();
    followRecording((_, state) => {
      const task = [...state.tasks.values()].find((t) => t.id === 'hc.1');
      if (!task?.running) return;
      if (verdicts.at(-1) !== task.running.healthy) verdicts.push(task.running.healthy);
      starts.add(task.startedAtMs);
    });
    expect(verdicts).toEqual([true, false, true]);
    expect([...starts]).toEqual([1795306222143]);
  });
});

describe('the catalog of a real Mesos', () => {
  it('has the services of a running cluster', () => {
    expect(picture(catalogOf(polled('master-running')))).toEqual([
      'chronos/batch: up 127.0.0.1:31010',
      'chronos/hostnet: up ',
      'chronos/nodisc: up 127.0.0.1:31020,127.0.0.1:31021,127.0.0.1:31022',
      'marathon/My_App.v2: up 127.0.0.1:31005',
      'marathon/hc: up+ ',
      'marathon/pod-a: up 127.0.0.1:8080',
      'marathon/pod-b: up ',
      'marathon/px: up ',
      'marathon/web: up 127.0.0.1:31000,127.0.0.1:31001 | up 127.0.0.1:31000,127.0.0.1:31001',
    ]);
  });

  it('has no instance on an agent that is unreachable, and has it again when the agent is back', () => {
    expect(picture(catalogOf(polled('master-agent2-unreachable')))).toEqual([
      'marathon/hc: up+ ',
      'marathon/web: up 127.0.0.1:31000,127.0.0.1:31001',
    ]);
    expect(picture(catalogOf(polled('master-agent2-back')))).toEqual([
      'marathon/hc: up+ ',
      'marathon/web: up 127.0.0.1:31000,127.0.0.1:31001 | up 127.0.0.1:31000,127.0.0.1:31001',
    ]);
  });

  it('keeps the services of a framework that is disconnected', () => {
    const version = catalogOf(polled('master-fw-disconnected'));
    expect([...version.frameworks.values()].map((f) => `${f.name} ${f.active}`).sort()).toEqual([
      'chronos true',
      'marathon false',
    ]);
    expect(picture(version).filter((s) => s.startsWith('marathon/'))).toEqual([
      'marathon/hc: up+ ',
      'marathon/web: up 127.0.0.1:31000,127.0.0.1:31001 | up 127.0.0.1:31000,127.0.0.1:31001',
    ]);
  });

  it('is empty when all frameworks are gone', () => {
    const version = catalogOf(polled('master-end'));
    expect([version.tasks.size, version.services.size, version.agents.size, version.version]).toEqual([
      0, 0, 0, 1,
    ]);
  });

  it('takes hostile names and addresses as they are (dns)', () => {
    const version = catalogOf(polled('dns'));
    expect(picture(version)).toEqual([
      'My Framework/v1/svc: up 127.0.0.3:31120',
      'chronos/ChronosTask:nightly: up 127.0.0.2:31100,127.0.0.2:31101,127.0.0.2:31102',
      'chronos/web: up 127.0.0.3:31110',
      'marathon/My_Weird NAME!.v2: up 127.0.0.2:31020',
      'marathon/api.backend.prod: up 127.0.0.2:31010,127.0.0.2:31011',
      'marathon/fwonly: up 127.0.0.3:31050',
      'marathon/héllo: up 127.0.0.3:31070',
      'marathon/ipper: up 127.0.0.2:31080',
      'marathon/named-differently: up 127.0.0.2:31040,127.0.0.2:31041,127.0.0.2:31042',
      'marathon/nodisc-noports: up ',
      'marathon/web: up 127.0.0.2:31000,127.0.0.2:31001 | up 127.0.0.3:31000,127.0.0.3:31001',
      `marathon/${'x'.repeat(70)}: up 127.0.0.3:31060`,
    ]);
    const ipper = [...version.tasks.values()].find((t) => t.id === 'ipper.1');
    expect(ipper?.netinfoIps).toEqual(['10.9.8.7']);
    expect(ipper?.agentIps).toEqual(['127.0.0.2']);
    expect(catalogOf(polled('dns', 'GET_state-after-teardown')).services.size).toBe(0);
  });

  it('follows the recorded stream step by step: fed with deltas it equals one built from scratch', () => {
    const builder = createCatalogBuilder({ emptyServiceMs: 0 });
    let known = new ClusterModel();
    const story: string[] = [];
    followRecording((i, state) => {
      const changes = diffStates(known, state);
      known = ClusterModel.of(state);
      const input =
        i === 0 ? ({ kind: 'snapshot', state: known } as const) : ({ kind: 'delta', changes } as const);
      builder.apply(input, i);
      const fresh = catalogOf(known);
      expect(new Map(builder.current.tasks)).toEqual(new Map(fresh.tasks));
      expect(new Map(builder.current.services)).toEqual(new Map(fresh.services));
      expect(new Map(builder.current.agents)).toEqual(new Map(fresh.agents));
      const web = builder.current.services.get('marathon/web');
      const line = (web?.instances ?? []).map((x) => `${x.phase}@${short(x.agentId)}`).join(' ');
      if (story.at(-1) !== line) story.push(line);
    });
    // Launched on S0 and S1; S1 unreachable, back, drained (killing, killed); then S0 marked gone.
    expect(story).toEqual([
      '',
      'waiting@S0',
      'up@S0',
      'up@S0 waiting@S1',
      'up@S0 up@S1',
      'up@S0',
      'up@S0 up@S1',
      'up@S0 draining@S1',
      'up@S0',
      '',
    ]);
  });

  it('shows failed, finished and killed tasks no longer', () => {
    const builder = createCatalogBuilder({ emptyServiceMs: 60_000 });
    const gone = new Map<string, number>();
    let known = new ClusterModel();
    followRecording((i, state) => {
      const changes = diffStates(known, state);
      known = ClusterModel.of(state);
      const step = builder.apply(
        i === 0 ? { kind: 'snapshot', state: known } : { kind: 'delta', changes },
        i,
      );
      for (const task of step?.diff.tasks.removed ?? []) gone.set(task.id, i);
    });
    const at = (id: string): number | undefined => gone.get(id);
    expect([at('fail.1'), at('finish.1'), at('badcmd.1'), at('sig.1')]).toEqual([30, 29, 28, 31]);
    expect([at('my_app.v2.1'), at('pod.a'), at('hostnet.1'), at('hc.1')]).toEqual([64, 66, 86, 98]);
    // Their services stay for a while without instances, then go.
    expect(builder.current.services.get('marathon/fail')?.instances).toEqual([]);
    const last = builder.tick(60_000 + 101);
    expect(last?.version.services.size).toBe(0);
    expect(builder.tick(999_999)).toBeUndefined();
  });
});
