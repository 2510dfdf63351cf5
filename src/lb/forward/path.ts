/**
 * Whether a path could be read as another one by the origin: `.` and `..` segments and NUL, also when written with
 * percent signs (`%2e`), with encoded separators (`..%2f`, `..%5c`) or with parameters (`..;x`). Encoded slashes
 * alone are left as they are: APIs use them in names.
 */
export function isAmbiguousPath(path: string): boolean {
  const plain = path.replace(/%2e/gi, '.').replace(/%(?:2f|5c)/gi, '/');
  if (plain.includes('%00')) return true;
  for (const segment of plain.split('/')) {
    if (!segment.startsWith('.')) continue;
    const name = segment.split(/;|%3b/i, 1)[0];
    if (name === '.' || name === '..') return true;
  }
  return false;
}
