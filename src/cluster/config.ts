import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';
import { masterOrigin } from '../mesos/index.ts';
import { detectorProblem } from './detect/index.ts';

const master = z.string().refine((text) => masterOrigin(text) !== undefined, {
  message: 'write host:port (10.0.0.1:5050, [2001:db8::1]:5050) or a URL (https://master.example.com:5050)',
});

/** A service account of DC/OS. */
const iam = z.strictObject({
  uid: z.string().min(1).describe('Name of the service account.'),
  privateKey: z
    .string()
    .refine(isRsaKey, { message: 'must be an RSA private key in PEM' })
    .describe('PEM of its private key (RSA).'),
  loginEndpoint: z
    .url({ protocol: /^https?$/, message: 'must be an http or https URL' })
    .describe('Where to log in, such as https://leader.mesos/acs/api/v1/auth/login.'),
});

function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}

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
      'Where the masters are found: `zk://[user:password@]host:port,host:port/path`, `file:///path` of a file that holds such an address, or `host:port` of one master that is asked who leads. Empty: only `masters`.',
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
  iam: iam
    .optional()
    .describe(
      'Log in with a service account of DC/OS, and show the token to the masters; instead of a principal.',
    ),
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
