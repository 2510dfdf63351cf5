import { z } from 'zod';
import { isIpv4, isIpv6 } from '../router/cidr.ts';
import { middlewareSchema } from './middlewares.ts';
import { list, nameCheck } from './scalars.ts';
import { backendShape, httpRouteSchema, tcpRouteSchema } from './schema.ts';

/** `10.0.0.1:80` or `[fd00::1]:80`. */
export function readEndpoint(text: string): { readonly ip: string; readonly port: number } | undefined {
  const parts = /^(?:([0-9.]+)|\[([0-9a-fA-F:.]+)\]):(\d{1,5})$/.exec(text);
  const ip = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3] ?? 0);
  const sound = parts?.[1] === undefined ? isIpv6(ip) : isIpv4(ip);
  return sound && port >= 1 && port <= 65_535 ? { ip, port } : undefined;
}

const endpoints = list(
  (value, complain) => {
    if (readEndpoint(value) === undefined)
      complain(`'${value}' is no endpoint: write address:port, such as 10.0.0.5:8080 or [fd00::5]:8080`);
  },
  /[\s,]+/,
  1_000,
);

function named<T extends z.ZodType>(value: T) {
  return z
    .record(z.string(), value)
    .superRefine((all, ctx) => {
      for (const name of Object.keys(all))
        nameCheck(name, (message) => ctx.addIssue({ code: 'custom', message, path: [name] }));
    })
    .prefault({});
}

const serviceSchema = z.strictObject({
  endpoints: endpoints.describe('address:port of each instance'),
  ...backendShape,
});

/** The part of the load balancer's settings that says what is routed where, besides labels. */
export const rulesConfigShape = {
  routes: z
    .strictObject({
      http: named(httpRouteSchema).describe('HTTP rules by name; options as in labels, see labels.md'),
      tcp: named(tcpRouteSchema).describe('TCP rules by name; options as in labels, see labels.md'),
    })
    .prefault({})
    .describe('Routes that no label asks for'),
  middlewares: named(middlewareSchema).describe(
    'Middlewares by name, for routes and labels; options as in labels, see labels.md',
  ),
  services: named(serviceSchema).describe(
    'Services that are not in the cluster: endpoints, and options of a backend as in labels, see labels.md',
  ),
};

const rulesConfigSchema = z.strictObject(rulesConfigShape);

export type RulesConfig = z.output<typeof rulesConfigSchema>;
