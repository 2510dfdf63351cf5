import { z } from 'zod';

const MINIMUM = /^\s*([a-z]+:\d+(\.\d+)?)(\s*[|;]\s*[a-z]+:\d+(\.\d+)?)*\s*$/;
const RATE = /^\s*([1-9]\d*)\s*\/\s*([1-9]\d*(?:\.\d+)?)\s*(ms|secs|mins|hrs|days|weeks)\s*$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  secs: 1000,
  mins: 60_000,
  hrs: 3_600_000,
  days: 86_400_000,
  weeks: 604_800_000,
};

/** Configuration of the master. Names follow Mesos' flags; units stand in the names. */
export const masterConfigSchema = z.strictObject({
  host: z.string().default('127.0.0.1').describe('Address to listen on.'),
  port: z.int().min(0).max(65535).default(5050).describe('Port to listen on; 0 picks a free one.'),
  advertiseIp: z
    .union([z.ipv4(), z.ipv6()])
    .optional()
    .describe('IP address told to frameworks and agents, when it is not the one listened on.'),
  hostname: z.string().min(1).optional().describe('Host name told to frameworks and used in redirects.'),
  cluster: z.string().min(1).optional().describe('Name of the cluster, shown in /state.'),
  heartbeatSeconds: z
    .number()
    .positive()
    .default(15)
    .describe('Time between two HEARTBEAT events on the streams of schedulers and operators.'),
  pingIntervalSeconds: z.number().positive().default(15).describe('Time between two pings to an agent.'),
  maxPingTimeouts: z
    .int()
    .min(1)
    .default(5)
    .describe('Pings an agent may leave unanswered before it is marked unreachable.'),
  agentReregisterTimeoutSeconds: z
    .number()
    .positive()
    .default(600)
    .describe('Time that the agents of the registry have to come back after the master has started.'),
  agentRemovalRateLimit: z
    .string()
    .regex(RATE, 'write how many agents in how long, like 1/10mins')
    .optional()
    .describe(
      'How fast agents that do not answer may be marked unreachable, evenly spread, as `1/10mins`; one that answers before its turn stays. Unset: at once.',
    ),
  recoveryAgentRemovalLimitPercent: z
    .number()
    .min(0)
    .max(100)
    .default(100)
    .describe(
      'If more of the agents of the registry than this do not come back after the master has started, it ends instead of giving them up.',
    ),
  allocationIntervalMs: z.int().min(10).default(1000).describe('Time between two batch allocations.'),
  offerTimeoutSeconds: z
    .number()
    .positive()
    .optional()
    .describe('Offers that nobody used for this long are rescinded; unset: they stand until used.'),
  minAllocatableResources: z
    .string()
    .regex(MINIMUM, 'write amounts like cpus:0.01|mem:32 (| between alternatives, ; between amounts of one)')
    .default('cpus:0.01|mem:32')
    .describe('The smallest offer that is worth making: one of the alternatives must be reached.'),
  maxCompletedFrameworks: z.int().min(0).default(50).describe('Completed frameworks to remember.'),
  maxCompletedTasksPerFramework: z
    .int()
    .min(0)
    .default(1000)
    .describe('Completed tasks to remember of each framework.'),
  maxUnreachableTasksPerFramework: z
    .int()
    .min(0)
    .default(1000)
    .describe('Unreachable tasks to remember of each framework.'),
  maxOperatorSubscribers: z
    .int()
    .min(1)
    .default(1000)
    .describe('Open operator event streams; beyond that the oldest is closed.'),
  filterGpuResources: z
    .boolean()
    .default(true)
    .describe('Whether agents with GPUs are offered only to frameworks with the capability GPU_RESOURCES.'),
  domain: z
    .strictObject({
      region: z.string().min(1).describe('Region of the fault domain.'),
      zone: z.string().min(1).describe('Zone of the fault domain.'),
    })
    .optional()
    .describe(
      'Where the master runs. Agents of other regions are offered only to frameworks with the capability REGION_AWARE; agents with a domain can only join a master that has one.',
    ),
  offerConstraintsMaxProgramSize: z
    .int()
    .min(1)
    .default(100)
    .describe('Most instructions of the automaton of a regular expression in offer constraints.'),
  rootSubmissions: z.boolean().default(true).describe('Whether frameworks may run tasks as root.'),
});

export type MasterConfig = z.infer<typeof masterConfigSchema>;

/** `cpus:0.01|mem:32` as alternatives of amounts that must all be reached. */
export function parseMinimum(text: string): ReadonlyMap<string, number>[] {
  return text.split('|').map(
    (all) =>
      new Map(
        all.split(';').map((part) => {
          const [name = '', value = ''] = part.trim().split(':');
          return [name, Number(value)];
        }),
      ),
  );
}

/** `1/10mins` as the time from one to the next, in milliseconds. */
export function parseRate(text: string): number {
  const [, permits = '1', amount = '1', unit = 'secs'] = RATE.exec(text) ?? [];
  return (Number(amount) * (UNIT_MS[unit] ?? 1000)) / Number(permits);
}
