import { describe, expect, it } from 'vitest';
import type { ContainerId } from '../../mesos/index.ts';
import type { ApiContainer, ApiContainers } from '../containers/containers.ts';
import type { Parent } from '../containers/parents.ts';
import { answerContainerCall } from './containers.ts';

const parent = { user: 'web' } as Parent;
const nested: ContainerId = { value: 'n', parent: { value: 'p' } };
const done = { exit: { kind: 'exited', code: 0 }, user: 'alice' } as const;

/** One nested container and one on its own; whatever is done to them is noted. */
function containersOf(doneTo: string[]): ApiContainers {
  const note = (what: string) => async (): Promise<boolean> => doneTo.push(what) > 0;
  const containers: Partial<ApiContainers> = {
    find: (id) => ({ ...done, id }) as ApiContainer,
    parent: () => parent,
    launch: note('launch'),
    remove: async () => void doneTo.push('remove'),
  };
  return containers as ApiContainers;
}

describe('calls about containers', () => {
  it.each<[string, ContainerId, readonly string[]]>([
    [
      'LAUNCH',
      nested,
      ['launch_nested_containers_as_user bob', 'launch_nested_containers_under_parent_with_user web'],
    ],
    ['LAUNCH', { value: 's' }, ['launch_standalone_containers bob']],
    ['REMOVE', nested, ['remove_nested_containers web']],
    ['REMOVE', { value: 's' }, ['remove_standalone_containers alice']],
    ['KILL', nested, ['kill_nested_containers web']],
    ['WAIT', { value: 's' }, ['wait_standalone_containers alice']],
  ])('ask the policy for what Mesos asks it for: %s of %j', async (verb, container_id, asked) => {
    const type = `${verb}_CONTAINER`;
    const payload = { container_id, command: { value: 'true', user: 'bob' } };
    const call = { type, [type.toLowerCase()]: payload };
    for (const denied of asked) {
      const doneTo: string[] = [];
      const seen: string[] = [];
      const answer = await answerContainerCall(containersOf(doneTo), call, (action, object) => {
        seen.push(`${action} ${object}`);
        return seen.at(-1) !== denied;
      });
      expect(answer).toEqual({ status: 403, text: '403 Forbidden.' });
      expect([seen.at(-1), doneTo]).toEqual([denied, []]);
    }
    if (verb !== 'LAUNCH' && verb !== 'REMOVE') return;
    const doneTo: string[] = [];
    expect(await answerContainerCall(containersOf(doneTo), call, () => true)).toMatchObject({ status: 200 });
    expect(doneTo).toEqual([verb.toLowerCase()]);
  });
});
