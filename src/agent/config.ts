import { hostname } from 'node:os';
import { z } from 'zod';
import { parseAttributes, parseResources } from '../mesos/index.ts';

/** Text that one of the Mesos text parsers must take; the message names the part that it does not. */
function parsedBy(parse: (text: string) => { ok: boolean; problem?: string }): z.ZodType<string, string> {
  return z.string().superRefine((text, context) => {
    const parsed = parse(text);
    if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.problem ?? 'not readable' });
  });
}

const masterAddress = z.string().regex(/^(https?:\/\/)?(\[[0-9a-fA-F:]+\]|[^/:\s]+):\d{1,5}\/?$/, {
  message: 'write host:port or http://host:port',
});

/** Settings of the agent; `parse({})` gives an agent that joins a master on this machine. */
export const agentConfigSchema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address the agent API listens on.'),
  port: z.int().min(0).max(65535).default(5051).describe('Port of the agent API; 0 takes any that is free.'),
  master: masterAddress
    .default('http://127.0.0.1:5050')
    .describe('Where a master answers: http://host:port or host:port. Redirects to the leader are followed.'),
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
  taskEnvironment: z
    .record(z.string().regex(/^[^=\0]+$/, { message: 'a variable name has no = and no NUL' }), z.string())
    .default({})
    .describe("Environment variables for every task; the task's own win."),
  switchUser: z
    .literal(false, { error: 'tasks run as the user of the agent; only false is possible' })
    .default(false)
    .describe('Tasks run as the user of the agent.'),
});

export type AgentConfig = z.output<typeof agentConfigSchema>;
