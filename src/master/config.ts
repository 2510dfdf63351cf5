import { z } from 'zod';

const MINIMUM = /^\s*([a-z]+:\d+(\.\d+)?)(\s*[|;]\s*[a-z]+:\d+(\.\d+)?)*\s*$/;

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
