import { z } from 'zod';
import { consulConfigSchema } from './consul/config.ts';

/** Where the control plane keeps what must survive. */
export const storeConfigSchema = z.strictObject({
  engine: z
    .enum(['embedded', 'consul'])
    .default('embedded')
    .describe(
      '`embedded`: files below `data`, for one process; `consul`: a Consul cluster that several masters share.',
    ),
  consul: consulConfigSchema
    .prefault({})
    .describe('With `engine: consul`; `tls` also where masters are found by `consuls://`.'),
});
