import { z } from 'zod';

export const text = z.string().min(1, 'must not be empty');

/** A resource amount; Mesos keeps three decimals, so a smaller one would silently be nothing. */
export function amount(unit: string): z.ZodNumber {
  return z.number({ error: `write a number (${unit})` }).min(0, { error: `must be at least 0 (${unit})` });
}

export const labelsSchema = z.record(z.string().min(1), z.string({ error: 'label values are strings' }));
