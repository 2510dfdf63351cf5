/**
 * Anything that frameworks give (a command, a container, a health check, an executor) for those who look at it: without the values of secrets
 * in it; what is referred to by name stays. The same object where there is none.
 */
export function hideSecrets<T>(shape: T): T {
  return hidden(shape) as T;
}

function hidden(shape: unknown): unknown {
  if (typeof shape !== 'object' || shape === null) return shape;
  if (Array.isArray(shape)) {
    const all = shape.map(hidden);
    return all.every((one, i) => one === shape[i]) ? shape : all;
  }
  const kept = Object.entries(shape).filter(([key, value]) => key !== 'value' || !isSecretValue(value));
  const all = kept.map(([key, value]) => [key, hidden(value)] as const);
  const same =
    kept.length === Object.keys(shape).length && all.every(([, value], i) => value === kept[i]?.[1]);
  return same ? shape : Object.fromEntries(all);
}

/** `Secret.Value` of mesos.proto. */
function isSecretValue(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'data' in value;
}
