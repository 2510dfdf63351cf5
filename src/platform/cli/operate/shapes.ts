import { z } from 'zod';

// What `--json` prints: a contract with whoever reads it. Keys are added, never changed or removed. docs/reference/cli.md is written from it.

const time = z.iso.datetime();
const resources = z
  .record(z.string(), z.union([z.number(), z.string()]))
  .describe('By name, as Mesos writes them: `mem` and `disk` in MB, ranges as text.');

export const agentShape = z
  .strictObject({
    id: z.string(),
    host: z.string().describe('Empty where the master does not know it any more (unreachable).'),
    address: z.string().describe('`host:port` of its API, as the master sees it; empty likewise.'),
    state: z
      .enum(['active', 'draining', 'drained', 'deactivated', 'disconnected', 'awaited', 'unreachable'])
      .describe(
        '`disconnected`: its link to the master is broken; `awaited`: known to the registry, not back since the master changed; `unreachable`: given up.',
      ),
    since: time.nullable().describe('Of this state, as far as the master knows; else of its registration.'),
    version: z.string(),
    attributes: z.record(z.string(), z.union([z.string(), z.number()])),
    total: resources,
    used: resources,
    tasks: z.int().describe('That hold resources.'),
  })
  .meta({ title: 'Agent' });

const place = z.strictObject({ id: z.string(), host: z.string().describe('Empty where it is not known.') });
const framework = z.strictObject({
  id: z.string(),
  name: z.string().describe('Empty where it is not known.'),
});

export const taskShape = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    framework,
    agent: place,
    state: z.string().describe('`TASK_RUNNING` and so on.'),
    since: time.nullable().describe('When it came into this state.'),
    healthy: z.boolean().nullable().describe('Null where nothing is checked.'),
    ports: z.array(z.int()),
    role: z.string(),
  })
  .meta({ title: 'Task' });

export const taskDetailShape = taskShape
  .extend({
    executor: z.string().describe('Empty where it has none of its own.'),
    user: z.string().nullable(),
    resources,
    labels: z.record(z.string(), z.string()),
    statuses: z
      .array(
        z.strictObject({
          state: z.string(),
          time: time.nullable(),
          reason: z.string().nullable(),
          message: z.string().nullable(),
          source: z.string().nullable(),
          healthy: z.boolean().nullable(),
        }),
      )
      .describe('Oldest first. Reasons and messages are null where neither agent nor master tells them.'),
    sandbox: z.string().nullable().describe('Folder on the agent; null where the agent does not tell.'),
    placement: z
      .strictObject({
        attributes: z.record(z.string(), z.union([z.string(), z.number()])).describe('Of the agent.'),
        app: z.string().nullable().describe('The app of Marathon that it is an instance of.'),
        constraints: z.array(z.array(z.string())).describe('What the app asks of its agents.'),
      })
      .describe('Why it is where it is, as far as that can be found out.'),
  })
  .meta({ title: 'TaskDetail' });

export const frameworkShape = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    state: z.enum(['active', 'inactive', 'disconnected', 'recovered']),
    roles: z.array(z.string()),
    user: z.string(),
    principal: z.string().nullable(),
    webUi: z.string().nullable(),
    since: time.nullable(),
    tasks: z.int().describe('That hold resources.'),
    used: resources,
  })
  .meta({ title: 'Framework' });

export const masterShape = z
  .strictObject({
    url: z.string(),
    role: z.enum(['leads', 'stands by', 'does not answer']),
    id: z.string().nullable().describe('Of the leader.'),
    version: z.string().nullable(),
    since: time.nullable().describe('When the leader was elected.'),
    problem: z.string().nullable(),
  })
  .meta({ title: 'Master' });

export const machineShape = z
  .strictObject({
    host: z.string(),
    ip: z.string(),
    mode: z
      .enum(['planned', 'draining', 'down'])
      .describe('`draining`: frameworks are being asked to leave; `down`: it is under maintenance.'),
    from: time.nullable(),
    until: time.nullable().describe('Null: with no end.'),
  })
  .meta({ title: 'Machine' });

export const orderShape = z
  .strictObject({
    agent: place,
    state: z.string().describe('Of the agent at the end of the command; `gone` with `--mark-gone --wait`.'),
  })
  .meta({ title: 'Order' });

export const killShape = z
  .strictObject({ task: z.string(), app: z.string().nullable(), marathon: z.string() })
  .meta({ title: 'Kill' });

/** What each command prints with `--json`. */
export const outputs = {
  agents: z.strictObject({ agents: z.array(agentShape) }),
  tasks: z.strictObject({ tasks: z.array(taskShape) }),
  'task show': taskDetailShape,
  'task kill': killShape,
  frameworks: z.strictObject({ frameworks: z.array(frameworkShape) }),
  leader: z.strictObject({ masters: z.array(masterShape) }),
  maintenance: z.strictObject({ machines: z.array(machineShape) }),
  'agent drain': orderShape,
  'agent deactivate': orderShape,
  'agent reactivate': orderShape,
} as const;

export type AgentRow = z.output<typeof agentShape>;
export type TaskRow = z.output<typeof taskShape>;
export type TaskDetail = z.output<typeof taskDetailShape>;
export type FrameworkRow = z.output<typeof frameworkShape>;
export type MasterRow = z.output<typeof masterShape>;
export type MachineRow = z.output<typeof machineShape>;
export type OrderDone = z.output<typeof orderShape>;
export type KillDone = z.output<typeof killShape>;
