const MAX_LABEL = 63;

/**
 * The label that DC/OS makes of a text (dcos-net.md §3): as `zone/labels.ts` with RFC 1123, but when hyphens at a cut are replaced by what
 * follows, hyphens there are skipped. May be empty.
 */
export function dcosLabel(text: string): string {
  const clean = text
    .replace(/[A-Z]/g, (c) => c.toLowerCase())
    .replace(/[._]/g, '-')
    .replace(/[^a-z0-9-]/g, '')
    .replace(/^-+/, '');
  const size = Math.min(clean.length, MAX_LABEL);
  const head = clean.slice(0, size).replace(/-+$/, '');
  const rest = clean.slice(size).replace(/-/g, '');
  return head + rest.slice(0, size - head.length);
}

/** Each part between dots as a label; empty ones go. */
export function dcosDomainFragment(text: string): string {
  return text
    .split('.')
    .map((part) => dcosLabel(part))
    .filter((part) => part !== '')
    .join('.');
}
