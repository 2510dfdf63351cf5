import { z } from 'zod';
import { isNetwork } from '../router/cidr.ts';
import { parseHosts, parsePaths } from '../router/label-values.ts';
import type { Complain } from '../router/label-values.ts';
import { compileRegex } from '../router/regex.ts';

/*
 * Values as they stand in labels (always text) and in YAML (also numbers, booleans and lists): both forms are read by the
 * same schema, so that a label and a line of the configuration mean the same.
 */

type Check<T> = (value: T, complain: Complain) => void;

/** Text; a number or boolean of YAML is taken as it is written. */
const anyText = z.union([z.string(), z.number(), z.boolean()]).transform((value) => String(value).trim());

/** Text that passes a check. */
export function text(check?: Check<string>) {
  return anyText.superRefine((value, ctx) => {
    const complain: Complain = (message) => ctx.addIssue({ code: 'custom', message });
    if (value === '') complain('is empty: write a value or leave it out');
    else check?.(value, complain);
  });
}

/** Several values: a list, or text with `separator` between them. */
export function list(check: Check<string>, separator: RegExp = /,/, most = 100) {
  return z
    .union([z.string(), z.number(), z.array(anyText).max(most)])
    .transform((value) =>
      (Array.isArray(value) ? value : String(value).split(separator))
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    )
    .superRefine((items, ctx) => {
      const complain: Complain = (message) => ctx.addIssue({ code: 'custom', message });
      if (items.length === 0) complain('is empty: write a value or leave it out');
      if (items.length > most) complain(`has more than ${most} values: write fewer`);
      else for (const item of items) check(item, complain);
    });
}

/** A number in a range. */
export function number(least: number, most: number, whole = true) {
  return z.union([z.number(), z.string()]).transform((value, ctx) => {
    const plain = typeof value === 'number' || /^-?\d{1,15}(?:\.\d{1,9})?$/.test(value.trim());
    const result = Number(value);
    if (plain && result >= least && result <= most && (!whole || Number.isInteger(result))) return result;
    const what = whole ? 'a whole number' : 'a number';
    ctx.addIssue({
      code: 'custom',
      message: `'${value}' does not hold: write ${what} from ${least} to ${most}`,
    });
    return z.NEVER;
  });
}

/** Yes or no. */
export const flag = z.union([z.boolean(), z.string()]).transform((value, ctx) => {
  const word = String(value).trim().toLowerCase();
  if (word === 'true' || word === 'yes') return true;
  if (word === 'false' || word === 'no') return false;
  ctx.addIssue({ code: 'custom', message: `'${value}' is neither: write 'true' or 'false'` });
  return z.NEVER;
});

/** One word of a few. */
export function choice<const T extends string>(...words: readonly T[]) {
  return z
    .union([z.enum(words as readonly [T, ...T[]]), z.string(), z.number()])
    .transform((value, ctx): T => {
      const word = words.find((w) => w === String(value).trim());
      if (word !== undefined) return word;
      ctx.addIssue({ code: 'custom', message: `'${value}' is not known: write one of ${words.join(', ')}` });
      return z.NEVER;
    });
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/;

/** A name that people give to a rule, a middleware or a service. */
export const isName = (value: string): boolean => NAME.test(value);
export const NAME_FORM = "letters, digits, '-' and '_', at most 63";

export const nameCheck: Check<string> = (value, complain) => {
  if (!isName(value)) complain(`'${value}' is not a name: write ${NAME_FORM}`);
};
export const hostCheck: Check<string> = (value, complain) => void parseHosts(value, complain);
export const pathCheck: Check<string> = (value, complain) => void parsePaths(value, complain);
/** What is asked for as it stands: it goes into a request line, so nothing may be in it that would end that. */
export const askedPathCheck: Check<string> = (value, complain) => {
  if (!/^\/[\x21-\x7e]*$/.test(value) || value.includes('#'))
    complain('is no path: write one that begins with a slash, percent-encoded, with a query if you like');
};
/** One host alone. */
export const askedHostCheck: Check<string> = (value, complain) => {
  if (value === '*' || /[\s,]/.test(value)) complain('is not one host name: write such as www.example.test');
  else hostCheck(value, complain);
};
export const networkCheck: Check<string> = (value, complain) => {
  if (!isNetwork(value)) complain(`'${value}' is not an address or network: write such as 10.0.0.0/8`);
};
export const regexCheck: Check<string> = (value, complain) => {
  const compiled = compileRegex(value);
  if (typeof compiled === 'string') complain(compiled);
};
export const tokenCheck: Check<string> = (value, complain) => {
  if (!TOKEN.test(value))
    complain(`'${value}' is not a token (RFC 9110): it has signs that may not be in it`);
};
/** What may stand in a field value: printable ASCII and blanks. */
export const fieldCheck: Check<string> = (value, complain) => {
  if (!/^[\x20-\x7e\t]*$/.test(value))
    complain('has signs that may not be in a header field: write plain ASCII');
};

/** Values by name. */
export function byName<V extends z.ZodType>(value: V, check: Check<string>, most = 50) {
  return z.record(z.string(), value).superRefine((all, ctx) => {
    const names = Object.keys(all);
    const complain: Complain = (message) => ctx.addIssue({ code: 'custom', message });
    if (names.length > most) complain(`has more than ${most} entries: write fewer`);
    else for (const name of names) check(name, complain);
  });
}

/** Options below a name that has a short form: the name alone, with a value, says `mode`. */
export function withMode<S extends z.ZodRawShape & { readonly mode: z.ZodType }>(shape: S) {
  return z.preprocess(
    (value) => (['string', 'boolean'].includes(typeof value) ? { mode: value } : value),
    z.strictObject(shape),
  );
}

/** What certificates are judged by. No files: labels are written by people who have no business in the files of this machine. */
export const trustCheck: Check<string> = (value, complain) => {
  if (!isName(value))
    complain(`'${value}' is no name of an authority: write identity, or one of lb.tls.authorities`);
};

const SPIFFE = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?:\*|[A-Za-z0-9._-]+))*$/;

export const spiffeCheck: Check<string> = (value, complain) => {
  if (!SPIFFE.test(value) || value.length > 2048)
    complain(
      `'${value}' is no SPIFFE id: write spiffe://<trust domain>/<path>, with * for any one part of the path`,
    );
};
