import { asList, asNumber, asObject, asText, at, member } from './json.ts';
import { sharedNumbers } from './share.ts';

/** More ports than exist cannot be meant; the cap keeps a hostile ranges string from eating memory. */
const MAX_PORTS = 65_536;

/**
 * The `ports` resource of a task, expanded in the order given. v0: `resources` is an object with a string
 * `"[31000-31001, 31005-31005]"`; v1: a list of resources with RANGES. What cannot be read is named in `problems`,
 * and the rest counts.
 */
export function readPorts(resources: unknown, problems: string[]): readonly number[] {
  const ports: number[] = [];
  const flat = asObject(resources);
  if (flat && !Object.hasOwn(flat, 'name')) {
    const text = member(flat, 'ports');
    if (text !== undefined && text !== null) fromText(text, ports, problems);
    return sharedNumbers(ports);
  }
  for (const resource of asList(resources)) {
    if (member(resource, 'name') !== 'ports') continue;
    for (const range of asList(at(resource, 'ranges', 'range'))) {
      expand(asNumber(member(range, 'begin')), asNumber(member(range, 'end')), ports, problems);
    }
  }
  return sharedNumbers(ports);
}

function fromText(value: unknown, ports: number[], problems: string[]): void {
  const text = asText(value);
  if (text === undefined) {
    problems.push('resources.ports is not a string');
    return;
  }
  const open = text.indexOf('[');
  const close = text.indexOf(']', open);
  if (open < 0 || close < 0) {
    if (text.trim() !== '')
      problems.push(`resources.ports '${cut(text)}' is not of the form [low-high, ...]`);
    return;
  }
  for (const part of text.slice(open + 1, close).split(',')) {
    if (part.trim() === '') continue;
    const m = /^\s*(\d{1,10})\s*-\s*(\d{1,10})\s*$/.exec(part);
    if (m) expand(Number(m[1]), Number(m[2]), ports, problems);
    else problems.push(`resources.ports has '${cut(part.trim())}' where low-high is expected`);
  }
}

function expand(
  low: number | undefined,
  high: number | undefined,
  ports: number[],
  problems: string[],
): void {
  const valid =
    low !== undefined &&
    high !== undefined &&
    Number.isInteger(low) &&
    Number.isInteger(high) &&
    low >= 0 &&
    high <= 65_535 &&
    low <= high;
  if (!valid) {
    problems.push(`resources.ports has the range ${low}-${high}; ports go from 0 to 65535, low to high`);
    return;
  }
  if (ports.length + high - low + 1 > MAX_PORTS) {
    problems.push(`resources.ports names more than ${MAX_PORTS} ports`);
    return;
  }
  for (let p = low; p <= high; p++) ports.push(p);
}

function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
