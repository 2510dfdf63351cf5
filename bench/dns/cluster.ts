import { agent, framework, task } from '../../src/dns/testing/catalog.ts';
import type { Content } from '../../src/dns/testing/catalog.ts';

/** A cluster of one framework with `tasks` running tasks, each an app of its own with one port, on a hundred agents. */
export function syntheticCluster(tasks: number): Content {
  const agents = Array.from({ length: 100 }, (_, i) =>
    agent({ id: `20240101-000000-1-5050-1-S${i}`, hostname: `node-${i}`, ips: [`10.0.0.${i + 1}`] }),
  );
  const all = Array.from({ length: tasks }, (_, i) =>
    task(`app-${i}.0`, {
      agentId: `20240101-000000-1-5050-1-S${i % 100}`,
      agentIps: [`10.0.0.${(i % 100) + 1}`],
      netinfoIps: [`10.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`],
      ports: [31_000 + (i % 1000)],
    }),
  );
  return { agents, frameworks: [framework()], tasks: all, leader: { ip: '10.0.0.1', port: 5050 } };
}

/** Questions for dnsperf: 60 % A, 30 % SRV, 10 % for names that do not exist, over all tasks evenly. */
export function questions(tasks: number, count: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const app = `app-${(i * 7919) % tasks}`;
    if (i % 10 < 6) return `${app}.marathon.mesos A`;
    return i % 10 < 9 ? `_${app}._tcp.marathon.mesos SRV` : `gone-${i}.marathon.mesos A`;
  });
  return `${lines.join('\n')}\n`;
}
