import { z } from 'zod';
import { masterOrigin } from '../mesos/index.ts';
import { detectorProblem } from './detect/index.ts';
import { credentialsShape, tlsSchema } from './login/config.ts';
import { marathonConfigSchema } from './marathon/config.ts';

const master = z.string().refine((text) => masterOrigin(text) !== undefined, {
  message: 'write host:port (10.0.0.1:5050, [2001:db8::1]:5050) or a URL (https://master.example.com:5050)',
});

const settings = z.strictObject({
  masters: z
    .array(master)
    .default(['127.0.0.1:5050'])
    .describe(
      'Masters as host:port or URL, all of the quorum; the leading one is found by itself. With `zk`, those to try while it names none; then by default none.',
    ),
  zk: z
    .string()
    .default('')
    .superRefine((text, context) => {
      const problem = text === '' ? undefined : detectorProblem(text);
      if (problem !== undefined)
        context.addIssue({ code: 'custom', message: `failed to create master detector: ${problem}` });
    })
    .describe(
      'Where the masters are found: `zk://[user:password@]host:port,host:port/path`, `consul://[:token@]host:port/prefix` (`consuls` for https), `file:///path` of a file that holds such an address, or `host:port` of one master that is asked who leads. Empty: only `masters`.',
    ),
  zkDetectionTimeoutSeconds: z
    .int()
    .min(0)
    .max(2_000_000)
    .default(30)
    .describe('With `exitWithoutLeader`: how long to look for a leader at the start; 0 for ever.'),
  exitWithoutLeader: z
    .boolean()
    .default(false)
    .describe(
      'End with status 1 when `zk` names no leader in time after the start and nothing is known, as Mesos-DNS does (its files set this); otherwise wait, and say so under /health.',
    ),
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
  tls: tlsSchema.describe('TLS towards the masters.'),
  identity: z
    .boolean()
    .default(true)
    .describe(
      'With `auth.tls`, the masters are spoken to by our identity. False for an Apache Mesos; `tls` with `ca` or `cert` says so, too.',
    ),
  ...credentialsShape,
  marathon: marathonConfigSchema,
  keepFile: z
    .string()
    .default('')
    .describe(
      'File in which the last known state is kept; read at the start while no master answers, and then served as stale. Empty for none.',
    ),
  keepEverySeconds: z
    .number()
    .min(1)
    .max(86_400)
    .default(10)
    .describe('After changes the file is written at most this often; less often when writing takes long.'),
  emptyServiceSeconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(60)
    .describe(
      'How long a service is kept after its last instance left, so that callers see 503 and not 404.',
    ),
});

/** How the cluster is found and followed. */
export const clusterConfigSchema = settings.refine((c) => c.masters.length > 0 || c.zk !== '', {
  path: ['masters'],
  message: 'name at least one master, such as 127.0.0.1:5050, or where they are found (zk)',
});

export type ClusterConfig = z.output<typeof clusterConfigSchema>;
