import { z } from 'zod';
import { principalShape } from '../../core/config/principal.ts';

const port = z.int().min(0).max(65535);

/** Settings of the Marathon-compatible scheduler; the reference names are Marathon's own flags (marathon.md §9). */
export const marathonConfigSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('Run the Marathon-compatible scheduler.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address the API listens on.'),
  port: port.default(8080).describe('Port the API listens on; 0 takes any free one.'),
  master: z
    .string()
    .min(1)
    .default('127.0.0.1:5050')
    .describe('The Mesos master: host:port, a URL, or several with commas between.'),
  ...principalShape,
  frameworkName: z
    .string()
    .min(1)
    .default('marathon')
    .describe('Name of the framework; a part of every DNS name.'),
  mesosRole: z.string().min(1).default('*').describe('Role to get offers for.'),
  user: z.string().default('').describe("OS user that tasks run as; empty means the agent's own."),
  hostname: z.string().default('').describe('Name others reach this API by; empty means `host`.'),
  failoverTimeoutSeconds: z
    .number()
    .min(0)
    .default(604_800)
    .describe('How long the master keeps tasks running while this scheduler is away.'),
  localPortMin: port.default(10_000).describe('Lowest service port that is allotted.'),
  localPortMax: port.default(20_000).describe('Highest service port that is allotted.'),
  declineOfferSeconds: z
    .number()
    .min(0)
    .default(120)
    .describe('How long an agent is not offered again when nothing waits to be launched.'),
  waitingOfferSeconds: z
    .number()
    .min(0)
    .default(5)
    .describe('The same while something waits that the offer did not fit.'),
  maxInstancesPerOffer: z.int().min(1).default(100).describe('Most instances started out of one offer.'),
  reconciliationIntervalSeconds: z
    .number()
    .min(1)
    .default(600)
    .describe('How often all tasks are compared with what the master knows.'),
  unknownTaskGraceSeconds: z
    .number()
    .min(0)
    .default(3)
    .describe('After a new subscription, how long a task that the master does not know may still turn up.'),
  taskLaunchTimeoutSeconds: z
    .number()
    .min(1)
    .default(300)
    .describe('A task that is not running after so long is killed and started elsewhere.'),
  killRetrySeconds: z
    .number()
    .min(1)
    .default(10)
    .describe('A kill without effect is sent again after so long.'),
  maxRunningDeployments: z
    .int()
    .min(1)
    .default(100)
    .describe('More deployments at a time are refused (403).'),
  maxVersionsPerApp: z.int().min(1).default(50).describe('How many old versions of an app are kept.'),
  eventStreamMaxBufferedBytes: z
    .int()
    .min(1024)
    .default(4 * 1024 * 1024)
    .describe('A reader of the event stream that falls further behind is cut off.'),
  eventStreamHeartbeatSeconds: z
    .number()
    .min(1)
    .default(10)
    .describe('Idle event streams get a line this often.'),
  firstHealthCheckIntervalSeconds: z
    .number()
    .min(0.1)
    .default(1)
    .describe(
      'Until there is a verdict, a new instance is probed at least this often, if its own interval is longer.',
    ),
  enableFeatures: z
    .array(z.enum(['gpu_resources', 'secrets']))
    .default([])
    .describe('Features that are off unless named here.'),
});

export type MarathonConfig = z.output<typeof marathonConfigSchema>;
