import { hostname } from 'node:os';
import { z } from 'zod';
import { principalShape } from '../core/config/principal.ts';
import { masterPlaces, parseAttributes, parseResources } from '../mesos/index.ts';
import { fetcherConfigSchema } from './fetcher/config.ts';
import { dockerConfigSchema } from './launcher/docker/config.ts';

/** Text that one of the Mesos text parsers must take; the message names the part that it does not. */
function parsedBy(parse: (text: string) => { ok: boolean; problem?: string }): z.ZodType<string, string> {
  return z.string().superRefine((text, context) => {
    const parsed = parse(text);
    if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.problem ?? 'not readable' });
  });
}

const masterAddress = z.string().superRefine((text, context) => {
  const places = masterPlaces(text);
  if (typeof places === 'string') context.addIssue({ code: 'custom', message: places });
});

/** Settings of the agent; `parse({})` gives an agent that joins a master on this machine. */
export const agentConfigSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address the agent API listens on.'),
  port: z.int().min(0).max(65535).default(5051).describe('Port of the agent API; 0 takes any that is free.'),
  master: masterAddress
    .default('http://127.0.0.1:5050')
    .describe(
      'The masters: host:port or http://host:port, several with commas between, or consul://[:token@]host:port/prefix where they are elected in Consul. Redirects to the leader are followed.',
    ),
  ...principalShape,
  workDir: z
    .string()
    .min(1)
    .default('./var/agent')
    .describe('Folder for sandboxes and checkpoints; it must survive a restart of the agent.'),
  hostname: z
    .string()
    .min(1)
    .default(() => hostname())
    .describe('Name under which the agent is known to frameworks; default is the name of the machine.'),
  advertiseIp: z
    .string()
    .min(1)
    .optional()
    .describe('Address at which tasks of this agent are reached; default is `host`.'),
  resources: parsedBy(parseResources)
    .default('')
    .describe(
      'What is offered, e.g. cpus:4;mem:8192;disk:10000;ports:[31000-32000]; omitted kinds are detected.',
    ),
  attributes: parsedBy(parseAttributes)
    .default('')
    .describe('Attributes of the machine, e.g. rack:r1;level:10.'),
  domain: z
    .strictObject({
      region: z
        .string()
        .min(1)
        .describe(
          'Region of the fault domain of the machine. The master needs one too (`master.domain`); of another region than its own only frameworks with the capability REGION_AWARE get offers.',
        ),
      zone: z.string().min(1).describe('Zone of the fault domain.'),
    })
    .optional()
    .describe('Where the machine is.'),
  reconfigurationPolicy: z
    .enum(['equal', 'additive'])
    .default('equal')
    .describe(
      "What may change at a restart while the agent keeps its id: 'equal' nothing of hostname, port, resources, attributes and domain; 'additive' more resources and attributes may come, and a domain. Anything else is refused at the start.",
    ),
  killDrainMs: z
    .int()
    .min(0)
    .default(1000)
    .describe('How long a killed task with discovery ports stays up so that load balancers leave it first.'),
  killGraceSeconds: z
    .number()
    .min(0)
    .default(3)
    .describe('Time between SIGTERM and SIGKILL where neither the kill nor the task says otherwise.'),
  registrationBackoffMs: z
    .int()
    .min(0)
    .default(1000)
    .describe('First upper bound of the random delay before (re-)registration; it doubles up to one minute.'),
  statusRetrySeconds: z
    .number()
    .positive()
    .default(10)
    .describe('First resend of an unacknowledged status update; it doubles up to ten minutes.'),
  onStop: z
    .enum(['leave', 'kill'])
    .default('leave')
    .describe("'leave' lets tasks outlive the agent; 'kill' ends them and unregisters."),
  gcDelaySeconds: z
    .number()
    .min(0)
    .default(604_800)
    .describe('Age at which the sandbox of an ended task is removed; shorter as the disk fills.'),
  diskWatchIntervalSeconds: z
    .number()
    .positive()
    .default(15)
    .describe('How often it is measured how much of the disk the sandboxes of running tasks take.'),
  enforceDiskQuota: z
    .boolean()
    .default(false)
    .describe('End tasks and executors whose sandbox takes more than the disk that they asked for.'),
  taskEnvironment: z
    .record(z.string().regex(/^[^=\0]+$/, { message: 'a variable name has no = and no NUL' }), z.string())
    .default({})
    .describe("Environment variables for every task; the task's own win."),
  isolation: z
    .enum(['auto', 'process', 'cgroup'])
    .default('auto')
    .describe(
      "'cgroup' holds each task to its cpus and memory in a control group of Linux; 'process' only measures; 'auto' is 'cgroup' where the agent runs as root and may use them.",
    ),
  cgroupRoot: z
    .string()
    .regex(/^[\w.-]+(\/[\w.-]+)*$/, { message: 'a relative path without blanks' })
    .refine((path) => !path.split('/').some((step) => step === '.' || step === '..'), {
      message: 'a path without . and ..',
    })
    .default('rimrock')
    .describe('Folder of control groups; each agent has one of its own below it and touches nothing else.'),
  maxPids: z
    .int()
    .positive()
    .optional()
    .describe(
      'Processes and threads that a task or executor may have, in a control group; default is no limit.',
    ),
  executorRegistrationTimeoutSeconds: z
    .number()
    .positive()
    .default(60)
    .describe('How long an executor may take from its start to its subscription.'),
  executorReregistrationTimeoutSeconds: z
    .number()
    .positive()
    .max(15)
    .default(2)
    .describe('How long executors may take to subscribe again after a restart of the agent.'),
  executorShutdownGraceSeconds: z
    .number()
    .min(0)
    .default(5)
    .describe('How long an executor may take to end itself, where it does not say otherwise.'),
  executorSecret: z
    .string()
    .default('')
    .describe(
      'Executors prove who they are by tokens that are signed with this secret; empty asks for none.',
    ),
  switchUser: z
    .boolean()
    .default(false)
    .describe(
      "Tasks run as the user that they ask for (the command's, the executor's, the framework's): needs an agent that runs as root.",
    ),
  secretsDir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder of the secrets that tasks may refer to: files <name> or <name>/<key>, of mode 0600. Without it only secrets with a value can be had.',
    ),
  fetcher: fetcherConfigSchema.prefault({}).describe('What is fetched for tasks (`uris`).'),
  docker: dockerConfigSchema.prefault({}).describe('Tasks with Docker images.'),
});

export type AgentConfig = z.output<typeof agentConfigSchema>;
