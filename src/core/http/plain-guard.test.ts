import { expect, it } from 'vitest';
import type { AccessRequest } from '../access.ts';
import { guard } from './guard.ts';
import { plainGuard } from './plain-guard.ts';
import { createApi } from './server.ts';

it('asks the policy whether somebody may look, or change something', async () => {
  const asked: string[] = [];
  const api = createApi();
  const subject = { kind: 'user' as const, name: 'alice', groups: [] };
  const decide = ({ action }: AccessRequest): { allowed: boolean; rule: string; version: number } => {
    asked.push(action);
    return { allowed: action === 'lb:view', rule: 'r', version: 1 };
  };
  const access = {
    authenticator: { authenticate: async () => ({ kind: 'subject' as const, subject }) },
    authorizer: { decide },
  };
  guard(api, access, plainGuard('lb', ['/open']));
  for (const path of ['/x', '/open']) api.all(path, async () => 'done');
  const status = async (method: 'GET' | 'POST', url: string): Promise<number> =>
    (await api.inject({ method, url })).statusCode;
  expect([await status('GET', '/x'), await status('POST', '/x'), await status('POST', '/open')]).toEqual([
    200, 403, 200,
  ]);
  expect(asked).toEqual(['lb:view', 'lb:update']);
});
