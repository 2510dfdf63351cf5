import { z } from 'zod';

// What an authority and those who join it say to each other, as JSON.

/** The root, in PEM, and what is to be renewed. */
export const newsSchema = z.object({
  bundle: z.object({
    trustDomain: z.string(),
    roots: z.array(z.string()).min(1),
    sequence: z.number(),
  }),
  tainted: z.array(z.string()),
});

export const issuedSchema = z.object({
  id: z.string(),
  certificateChain: z.string(),
  root: z.string(),
  notBeforeMs: z.number(),
  notAfterMs: z.number(),
  news: newsSchema,
});

export type Issued = z.output<typeof issuedSchema>;
export type News = z.output<typeof newsSchema>;

/** Below the identity API. */
export const PATHS = {
  bundle: '/ca/v1/bundle',
  join: '/ca/v1/join',
  renew: '/ca/v1/renew',
  renewEnded: '/ca/v1/renew-ended',
  news: '/ca/v1/news',
  tokens: '/ca/v1/tokens',
} as const;
