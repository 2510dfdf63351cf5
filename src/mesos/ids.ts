const encoder = new TextEncoder();

/**
 * What is wrong with an id that a client chose (task, executor, framework, agent), or undefined.
 * Rules of Mesos (mesos-api.md §0.3): 1 to 255 bytes (it names a folder), not `.` or `..`, no control characters, no `/` or `\`.
 */
export function idProblem(id: string): string | undefined {
  if (id.length === 0) return 'ID must not be empty';
  if (id.length > 255 || (id.length > 85 && encoder.encode(id).length > 255))
    return 'ID must not be greater than 255 characters';
  if (id === '.') return "'.' is disallowed";
  if (id === '..') return "'..' is disallowed";
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
  if (/[\u0000-\u001f\u007f/\\]/.test(id)) return `'${id}' contains invalid characters`;
  return undefined;
}

/** What is wrong with a role name, or undefined (mesos docs/roles.md). */
export function roleProblem(role: string): string | undefined {
  if (role === '*') return undefined;
  if (role === '') return 'role name must not be empty';
  if (role.startsWith('/') || role.endsWith('/')) return `role '${role}' must not start or end with a slash`;
  for (const part of role.split('/')) {
    if (part === '') return `role '${role}' must not contain two adjacent slashes`;
    if (part === '.' || part === '..' || part === '*')
      return `role '${role}' must not contain '${part}' as a component`;
    if (part.startsWith('-')) return `role component '${part}' must not start with a dash`;
    // oxlint-disable-next-line no-control-regex -- Mesos forbids just these
    if (/[\t\n\v\f\r \u007f]/.test(part)) return `role '${role}' must not contain whitespace or backspace`;
  }
  return undefined;
}
