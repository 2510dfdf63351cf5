import { z } from 'zod';

/** Part `policy` of section `auth`. */
export const policyConfigSchema = z
  .strictObject({
    default: z
      .enum(['allow', 'deny'])
      .default('allow')
      .describe('What holds where no rule says anything; a `default` in the file goes before it.'),
    file: z
      .string()
      .min(1)
      .optional()
      .describe('YAML file with rules, see docs/reference/policy.md. Changes of it are followed.'),
    mesosAcls: z
      .string()
      .min(1)
      .optional()
      .describe(
        'JSON file as the flag `--acls` of Mesos has it. Its rules come last. Changes of it are followed.',
      ),
  })
  .prefault({})
  .describe('Who may do what.');

export type PolicyConfig = z.output<typeof policyConfigSchema>;
