import { z } from 'zod';

export const upgradeConfigSchema = z.strictObject({
  readyMs: z
    .int()
    .min(1_000)
    .default(60_000)
    .describe(
      'How long a new process has, after SIGUSR2, to know the cluster and serve; after that it is ended, and the old one goes on. Milliseconds.',
    ),
  pidFile: z
    .string()
    .optional()
    .describe('File for the number of the process that serves. Absent: none is written.'),
});
