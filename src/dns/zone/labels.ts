import { sha1, sha1Start } from '../../core/sha1.ts';

/** Which labels are allowed: RFC 952 (24 characters, a letter first) or RFC 1123 (63 characters). mesos-dns.md §5.1. */
export interface LabelRule {
  readonly max: number;
  /** What is cut from the left. */
  readonly leading: RegExp;
  /** Text that is longer than `max`: cut, as Mesos-DNS does (the default), or shortened with a hash, so that it stays distinct. */
  readonly long?: 'cut' | 'hash';
}

/** What is a label by either rule as it is: most names are, and a cluster has many. */
const PLAIN = /^[a-z](?:[a-z0-9-]*[a-z0-9])?$/;

/** Bytes in a label (RFC 1035 §2.3.4). */
export const MAX_LABEL = 63;

export const RFC952: LabelRule = { max: 24, leading: /^[-0-9]+/ };
export const RFC1123: LabelRule = { max: 63, leading: /^-+/ };

/**
 * Make a label of any text: lower-case letters, digits and hyphens, at most `rule.max` of them. Hyphens that the cut leaves at the end
 * are replaced by what follows behind the cut, as Mesos-DNS does (that may end in a hyphen again). The result may be empty.
 */
export function label(text: string, rule: LabelRule): string {
  if (text.length <= rule.max && PLAIN.test(text)) return text;
  const clean = text
    .replace(/[A-Z]/g, (c) => c.toLowerCase())
    .replace(/[._]/g, '-')
    .replace(/[^a-z0-9-]/g, '')
    .replace(rule.leading, '');
  if (rule.long === 'hash' && clean.length > rule.max) {
    const whole = clean.replace(/-+$/, '');
    if (whole.length > rule.max) return shortened(whole, rule.max);
  }
  const size = Math.min(clean.length, rule.max);
  const head = clean.slice(0, size).replace(/-+$/, '');
  const cut = size - head.length;
  return cut === 0 ? head : head + clean.slice(size).replace(/^-+/, '').slice(0, cut);
}

/** Framework names may be several labels: each part between dots is made a label, empty ones go. */
export function domainFragment(text: string, rule: LabelRule): string {
  if (text !== lastText || rule !== lastRule) {
    lastFragment = fragment(text, rule);
    lastText = text;
    lastRule = rule;
  }
  return lastFragment;
}

// Whatever makes names of a task asks for that of its framework, and most tasks are of few of them.
let lastText = '';
let lastRule: LabelRule | undefined;
let lastFragment = '';

function fragment(text: string, rule: LabelRule): string {
  return text
    .split('.')
    .map((part) => label(part, rule))
    .filter((part) => part !== '')
    .join('.');
}

const Z_BASE_32 = 'ybndrfg8ejkmcpqxot1uwisza345h769';

/** The first five z-base-32 characters of the SHA-1 of a task id (`test` gives `iffe9`). */
export function taskHash(taskId: string): string {
  if (taskId !== lastId) {
    lastId = taskId;
    lastHash = taskHashOf(sha1Start(taskId));
  }
  return lastHash;
}

/** Five characters of the first 25 bits. */
function taskHashOf(bits: number): string {
  let text = '';
  for (let shift = 27; shift > 2; shift -= 5) text += Z_BASE_32.charAt((bits >>> shift) & 31);
  return text;
}

// Whatever makes names of a task asks for its hash, one right after the other.
let lastId = '';
let lastHash = taskHashOf(sha1Start(''));

/** The start of a label that is too long, a hyphen, and 40 bits of the hash of all of it: readable, and distinct. */
export function shortened(text: string, max = MAX_LABEL): string {
  const prefix = text.slice(0, max - SHORT_HASH - 1).replace(/-+$/, '');
  return `${prefix}-${zBase32(sha1(text), SHORT_HASH)}`;
}

const SHORT_HASH = 8;

function zBase32(bytes: Uint8Array, characters: number): string {
  let text = '';
  for (let i = 0; i < characters; i++) {
    const at = (5 * i) >> 3;
    const pair = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    text += Z_BASE_32.charAt((pair >>> (11 - ((5 * i) & 7))) & 31);
  }
  return text;
}

/** The last part of an agent id, between hyphens (`…-S12` gives `s12`). */
export function agentSuffix(agentId: string): string {
  return agentId.slice(agentId.lastIndexOf('-') + 1).toLowerCase();
}
