import { describe, expect, it } from 'vitest';
import { inheritedEnvironment, setVariables } from './environment.ts';

describe('environment variables of a task', () => {
  it('are those of its command, last', () => {
    const env = new Map([
      ['KEPT', 'x'],
      ['SET', 'before'],
    ]);
    setVariables(env, { environment: { variables: [{ name: 'SET', value: 'now' }, { name: 'NONE' }] } });
    expect(Object.fromEntries(env)).toEqual({ KEPT: 'x', SET: 'now' });
  });

  it('have the home of the user that it runs as; what is configured wins', () => {
    const agent = { HOME: '/root', PATH: '/bin' };
    const home = (configured: Record<string, string>, user?: string): string | undefined =>
      inheritedEnvironment(agent, configured, user).get('HOME');
    expect([home({}), home({}, '/home/u'), home({ HOME: '/h' }, '/home/u')]).toEqual([
      '/root',
      '/home/u',
      '/h',
    ]);
  });
});
