import { lbConfigSchema } from '../../src/lb/index.ts';

/** Whether the load balancer knows these settings; what it does not know is not there yet. */
const known = (settings: object): boolean => lbConfigSchema.safeParse(settings).success;

export const features = {
  tls: known({ https: {} }),
  http2: known({ http2: {} }),
  tcp: known({ servicePorts: {} }),
  accessLog: known({ accessLog: { sample: 0.01 } }),
} as const;

export type Feature = keyof typeof features;

const NAMES: Readonly<Record<Feature, string>> = {
  tls: 'TLS',
  http2: 'HTTP/2',
  tcp: 'TCP routes',
  accessLog: 'the access log',
};

/** Those among `wanted` that are not there yet, for a reader. */
export const notYet = (...wanted: readonly Feature[]): string[] =>
  wanted.filter((feature) => !features[feature]).map((feature) => NAMES[feature]);
