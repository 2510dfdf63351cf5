import { describe, expect, it } from 'vitest';
import { Driver } from '../testing/driver.ts';
import { resources } from '../testing/executor-desk.ts';
import { Repeats } from './repeats.ts';

describe('what many say', () => {
  it('is one object for values that are equal, as long as it is said among others', () => {
    const repeats = new Repeats();
    const first = repeats.shared({ rack: 'r1' });
    expect(repeats.shared({ rack: 'r1' })).toBe(first);
    expect(repeats.shared({ rack: 'r2' })).toEqual({ rack: 'r2' });
    expect(repeats.shared({ rack: 'r1' })).toBe(first);
    for (let i = 0; i < 10_000; i++) repeats.shared({ disk: i });
    expect(repeats.shared({ rack: 'r1' })).not.toBe(first);
    expect(repeats.shared({ rack: 'r1' })).toEqual(first);
  });

  it('agents of one kind share what is said of their machines, also after coming back; each keeps its own', () => {
    const d = new Driver();
    const machine = (host: string, text: string): string =>
      d.agent(host, {
        agent_info: {
          hostname: host,
          port: 5051,
          resources: resources(text),
          attributes: [{ name: 'rack', type: 'TEXT', text: { value: 'r1' } }],
        },
        address: { ip: host, port: 5051 },
        capabilities: [{ type: 'MULTI_ROLE' }],
      });
    const [a, b, c] = [
      machine('a', 'cpus:8;mem:64'),
      machine('b', 'cpus:8;mem:64'),
      machine('c', 'cpus:9'),
    ].map((id) => d.state.agents.get(id));
    expect(b?.total).toBe(a?.total);
    expect(b?.info.attributes).toBe(a?.info.attributes);
    expect(b?.capabilities).toBe(a?.capabilities);
    expect([a?.info.hostname, b?.info.hostname]).toEqual(['a', 'b']);
    expect(c?.total).toEqual(resources('cpus:9').map((r) => ({ ...r, role: '*' })));
    const total = a?.total;
    d.agent('again', {
      agent_info: { ...a?.info, hostname: 'a', port: 5051, resources: resources('cpus:8;mem:64') },
      address: { ip: 'a', port: 5051 },
    });
    expect(d.state.agents.get(a?.id ?? '')?.total).toBe(total);
  });
});
