import type { Resource } from '../../mesos/index.ts';
import { fromMillis, toMillis } from '../../mesos/index.ts';
import type { Amounts } from '../allocator/index.ts';
import { any, bool, double, message, repeated, required, text } from './decode.ts';
import type { Field } from './decode.ts';
import { resource } from './messages.ts';

/** Scalars by name, as QuotaConfig has them; a protobuf map, so nobody has looked at what is in it. */
type Scalars = Readonly<Record<string, unknown>>;

export interface QuotaConfigMessage {
  readonly role: string;
  readonly guarantees?: Scalars;
  readonly limits?: Scalars;
}
/** SET_QUOTA and POST /quota: a guarantee that is its own limit. */
export interface QuotaRequest {
  readonly role?: string;
  readonly guarantee?: readonly Resource[];
  readonly force?: boolean;
}

export const quotaConfig: Field = message({ role: required(text), guarantees: any, limits: any });
export const updateQuota: Field = message({ force: bool, quota_configs: repeated(quotaConfig) });
export const quotaRequest: Field = message({ role: text, guarantee: repeated(resource), force: bool });
export const weightInfo: Field = message({ role: text, weight: required(double) });

/** More cannot be said exactly in thousandths. */
const MOST = Number.MAX_SAFE_INTEGER / 1000;

/** Thousandths by name; a text says what is wrong. */
export function quantitiesOf(given: unknown): Amounts | string {
  const out = new Map<string, number>();
  if (given === undefined) return out;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return 'quantities are scalars by name';
  for (const [name, scalar] of Object.entries(given as Scalars)) {
    const value: unknown = (scalar as { readonly value?: unknown } | undefined)?.value;
    if (typeof value !== 'number' || !Number.isFinite(value)) return `'${name}' has no number as its value`;
    if (value < 0) return `'${name}' must not be negative`;
    if (value > MOST) return `'${name}' is larger than ${MOST}`;
    out.set(name, toMillis(value));
  }
  return out;
}

/** Amounts as the messages have them: `{"cpus":{"value":1}}`. */
export function scalarsOf(amounts: Amounts): Readonly<Record<string, { readonly value: number }>> {
  const names = [...amounts.keys()].sort();
  return Object.fromEntries(names.map((name) => [name, { value: fromMillis(amounts.get(name) ?? 0) }]));
}
