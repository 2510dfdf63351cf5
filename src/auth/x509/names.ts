import { refuse } from './faults.ts';
import type { Name, NameConstraints } from './parse.ts';

/**
 * Whether names of a leaf keep within what one of its authorities may issue (RFC 5280 §4.2.1.10). Throws Refused. A constraint on a
 * kind of name that we cannot compare refuses every leaf: to overlook it would be to widen it.
 */
export function checkNames(names: readonly Name[], constraints: NameConstraints): void {
  for (const c of [...constraints.permitted, ...constraints.excluded])
    if (c.kind === 'other' || c.kind === 'email')
      refuse('constraint-unknown', 'on names that we do not compare');
  for (const name of names) {
    if (constraints.excluded.some((c) => within(name, c))) refuse('name-excluded', textOf(name));
    const permitted = constraints.permitted.filter((c) => c.kind === name.kind);
    if (permitted.length > 0 && !permitted.some((c) => within(name, c)))
      refuse('name-not-permitted', textOf(name));
  }
}

function within(name: Name, constraint: Name): boolean {
  if (name.kind === 'dns' && constraint.kind === 'dns') return withinDomain(name.text, constraint.text);
  if (name.kind === 'uri' && constraint.kind === 'uri') return withinHost(hostOf(name.text), constraint.text);
  if (name.kind === 'ip' && constraint.kind === 'ip') return withinSubnet(name.bytes, constraint.bytes);
  return false;
}

/** The domain itself and whatever is below it. */
function withinDomain(name: string, domain: string): boolean {
  const [n, d] = [name.toLowerCase(), domain.toLowerCase().replace(/^\./, '')];
  return d === '' || n === d || n.endsWith(`.${d}`);
}

/** Of URIs a constraint is one host, or with a dot in front whatever is below it. */
function withinHost(host: string, constraint: string): boolean {
  const [h, c] = [host.toLowerCase(), constraint.toLowerCase()];
  return c.startsWith('.') ? h.endsWith(c) : h === c;
}

const hostOf = (uri: string): string => /^[a-z+.-]+:\/\/([^/]*)/i.exec(uri)?.[1] ?? '';

/** A constraint is an address and a mask. */
function withinSubnet(address: Buffer, subnet: Buffer): boolean {
  const size = address.length;
  if (subnet.length !== size * 2) return false;
  return address.every((byte, i) => {
    const mask = subnet[size + i] ?? 0;
    return (byte & mask) === ((subnet[i] ?? 0) & mask);
  });
}

function textOf(name: Name): string {
  if (name.kind === 'ip') return name.bytes.toString('hex');
  return name.kind === 'other' ? `a name of kind ${name.tag & 0x1f}` : name.text;
}
