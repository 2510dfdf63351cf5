import { z } from 'zod';
import { masterOrigin } from '../mesos/index.ts';

const master = z.string().refine((text) => masterOrigin(text) !== undefined, {
  message: 'write host:port (10.0.0.1:5050, [2001:db8::1]:5050) or a URL (https://master.example.com:5050)',
});

/** How the cluster is found and followed. */
export const clusterConfigSchema = z.strictObject({
  masters: z
    .array(master)
    .min(1, { message: 'name at least one master, such as 127.0.0.1:5050' })
    .default(['127.0.0.1:5050'])
    .describe('Masters as host:port or URL, all of the quorum; the leading one is found by itself.'),
  mode: z
    .enum(['auto', 'stream', 'poll'])
    .default('auto')
    .describe(
      '`stream`: the operator event stream; `poll`: /master/state; `auto`: the stream, else polling.',
    ),
  refreshSeconds: z.number().positive().max(3600).default(5).describe('Time between two polls of the state.'),
  stateTimeoutSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(300)
    .describe('Deadline for one whole state document.'),
  auditSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(15)
    .describe(
      'Beside an event stream: time between two looks at what it does not tell (idle agents that died).',
    ),
  streamRetrySeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(60)
    .describe('While polling because the stream was refused: time between two tries of the stream.'),
  heartbeatLossFactor: z
    .number()
    .min(1.5)
    .max(20)
    .default(2.5)
    .describe('An event stream that is silent for this many heartbeat intervals is lost.'),
  https: z.boolean().default(false).describe('Talk https to masters that are given without a scheme.'),
  tls: z
    .strictObject({
      ca: z.string().optional().describe('PEM of the authorities that sign the masters’ certificates.'),
      cert: z.string().optional().describe('PEM of our client certificate.'),
      key: z.string().optional().describe('PEM of the key of our client certificate.'),
      verify: z.boolean().default(true).describe('Verify the masters’ certificates.'),
    })
    .refine((tls) => (tls.cert === undefined) === (tls.key === undefined), {
      message: 'cert and key go together: give both or neither',
    })
    .prefault({})
    .describe('TLS towards the masters.'),
  principal: z.string().default('').describe('Principal for HTTP Basic authentication; empty for none.'),
  secret: z.string().default('').describe('Secret of the principal.'),
  emptyServiceSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(60)
    .describe(
      'How long a service is kept after its last instance left, so that callers see 503 and not 404.',
    ),
});

export type ClusterConfig = z.output<typeof clusterConfigSchema>;
