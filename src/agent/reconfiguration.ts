import { containsResources } from '../mesos/index.ts';
import type { AgentInfo, Attribute } from '../mesos/index.ts';

/** What frameworks may rely on as long as the agent has its id; `port` as it is configured (0: any). */
export type Declared = Omit<AgentInfo, 'id'>;

/** What may change under the same id: nothing, or only by something that comes on top (mesos-api.md §4.5). */
export type ReconfigurationPolicy = 'equal' | 'additive';

/** What has changed and must not, in words; undefined when the policy permits it all. */
export function reconfigurationProblem(
  was: Declared,
  is: Declared,
  policy: ReconfigurationPolicy,
): string | undefined {
  const additive = policy === 'additive';
  const changed: string[] = [];
  if (was.hostname !== is.hostname) changed.push(`the hostname was ${was.hostname} and is ${is.hostname}`);
  if (was.port !== is.port) changed.push(`the port was ${was.port} and is ${is.port}`);
  const shrunk = !containsResources(is.resources, was.resources);
  const grown = !containsResources(was.resources, is.resources);
  if (shrunk || (grown && !additive))
    changed.push(`the resources were ${told(was.resources)} and are ${told(is.resources)}`);
  const [before, after] = [textsOf(was.attributes), textsOf(is.attributes)];
  const lost = before.filter((text) => !after.includes(text));
  if (lost.length > 0 || (after.length > before.length && !additive))
    changed.push(`the attributes were ${before.join(';') || 'none'} and are ${after.join(';') || 'none'}`);
  if (told(was.domain) !== told(is.domain) && !(additive && was.domain === undefined))
    changed.push(`the domain was ${told(was.domain)} and is ${told(is.domain)}`);
  return changed.length === 0 ? undefined : changed.join('; ');
}

const told = (value: unknown): string => JSON.stringify(value) ?? 'none';

function textsOf(attributes: readonly Attribute[] = []): string[] {
  return attributes.map(({ name, scalar, text, ranges, set }) => {
    const value = scalar?.value ?? text?.value ?? told(ranges?.range ?? set?.item);
    return `${name}:${value}`;
  });
}
