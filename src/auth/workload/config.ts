import { z } from 'zod';
import { PLACES } from '../identity/places.ts';
import { templateProblem } from './task-id.ts';

/** What `auth.workload` says: identities of tasks. */
export const workloadConfigSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .default(true)
      .describe(
        'Whether tasks get an identity: by an agent in the process of the authority, or one that is told `authority`.',
      ),
    authority: z
      .string()
      .regex(PLACES, 'http://host:port or https://host:port, or several with commas between')
      .optional()
      .describe(
        'Where an agent in a process of its own finds the authority (`auth.port` beside the master; of several masters all of them, with commas between).',
      ),
    id: z
      .string()
      .superRefine((template, context) => {
        const problem = templateProblem(template);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
      })
      .default('/framework/{framework}/task/{task}')
      .describe(
        'Path of the SPIFFE id of a task, of {framework}, {frameworkId}, {task}, {taskId}, {agentId} and {user}.',
      ),
    waitSeconds: z
      .number()
      .positive()
      .max(3600)
      .default(15)
      .describe('How long the start of a task waits for its first identity; then the task fails.'),
    jwtSeconds: z.int().min(5).max(3600).default(300).describe('How long a token (JWT-SVID) lives.'),
    jwtKeyDays: z
      .number()
      .positive()
      .max(3650)
      .default(7)
      .describe('How long one key signs tokens; its successor is known a minute before it signs.'),
    jwtIssuer: z
      .url()
      .optional()
      .describe(
        'Issuer of tokens, as others reach it: a URL below which they find `/.well-known/openid-configuration`; without it, the trust domain.',
      ),
    signaturesPerSecond: z
      .number()
      .positive()
      .default(50)
      .describe('How many certificates and tokens one agent gets, ten times as many at once.'),
    socketFolder: z
      .string()
      .default('')
      .describe(
        'Folder for the sockets of the Workload API; empty means `spiffe` in the data folder, or a folder for temporary files where that path is too long.',
      ),
  })
  .prefault({})
  .describe('Identities of tasks.');

export type WorkloadConfig = z.output<typeof workloadConfigSchema>;
