import type { Plan } from '../../../core/json/slicer.ts';

/** Kinds of items that are cut out of documents. */
export const AGENT = 1;
export const FRAMEWORK = 2;
export const TASK = 3;

const KEEP: Plan = { act: 'keep' };
const SKIP: Plan = { act: 'skip' };
const slice = (kind: number): Plan => ({ act: 'slice', kind });
const members = (named: Readonly<Record<string, Plan>>, others: Plan): Plan => ({
  act: 'members',
  members: new Map(Object.entries(named)),
  others,
});
const kept = (...names: readonly string[]): Record<string, Plan> =>
  Object.fromEntries(names.map((name) => [name, KEEP]));

/**
 * A v0 `/master/state` document (mesos-api.md §3.5): tasks and agents one by one, of the rest what `stateFromV0` and the
 * search for the leader read. What ended, executors and offers are not read.
 */
export const V0_STATE: Plan = members(
  {
    slaves: slice(AGENT),
    frameworks: {
      act: 'items',
      item: members(
        {
          ...kept('id', 'name', 'hostname', 'pid', 'active', 'labels', 'framework_info'),
          tasks: slice(TASK),
          unreachable_tasks: slice(TASK),
        },
        SKIP,
      ),
    },
    ...kept('recovered_slaves', 'leader', 'pid'),
  },
  SKIP,
);

/** An event of the operator stream (§3.3): any as it is, but SUBSCRIBED with its state (§3.2) taken apart. */
export const V1_EVENT: Plan = members(
  {
    subscribed: members(
      {
        get_state: members(
          {
            get_tasks: members({ tasks: slice(TASK), unreachable_tasks: slice(TASK) }, SKIP),
            get_agents: members({ agents: slice(AGENT), recovered_agents: KEEP }, SKIP),
            get_frameworks: members({ frameworks: slice(FRAMEWORK) }, SKIP),
          },
          SKIP,
        ),
      },
      KEEP,
    ),
  },
  KEEP,
);
