import { describe, expect, it } from 'vitest';
import { hideSecrets } from './secrets.ts';

const secret = { type: 'VALUE', value: { data: 'c2VjcmV0' } };
const named = { type: 'REFERENCE', reference: { name: 'db', key: 'password' } };

describe('what others see of secrets', () => {
  it('is that they are there, and their name', () => {
    const shape = {
      command: {
        value: 'run',
        environment: {
          variables: [
            { name: 'A', value: 'x' },
            { name: 'B', secret },
            { name: 'C', secret: named },
          ],
        },
      },
      container: { volumes: [{ container_path: 's', source: { type: 'SECRET', secret } }] },
      health_check: { command: { environment: { variables: [{ name: 'B', secret }] } } },
    };
    const before = JSON.stringify(shape);
    const seen = JSON.stringify(hideSecrets(shape));
    expect(seen).toBe(before.replaceAll(',"value":{"data":"c2VjcmV0"}', ''));
    expect(seen).not.toBe(before);
    expect(JSON.stringify(shape)).toBe(before);
  });

  it('copies nothing where there are none', () => {
    const shape = { command: { value: 'run', arguments: ['a'] }, of: [{ secret: named }, null, 1] };
    expect(hideSecrets(shape)).toBe(shape);
  });
});
