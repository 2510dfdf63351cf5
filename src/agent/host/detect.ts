import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { parseResources } from '../../mesos/index.ts';
import type { Resource } from '../../mesos/index.ts';

const MB = 1024 * 1024;

/**
 * What this machine offers: `text` where it speaks, and for every omitted kind what is found (mesos-api.md §1.8):
 * logical cores; memory less 1 GB (half below 2 GB); disk of the work folder less 5 GB (half below 10 GB); ports
 * 31000-32000.
 */
export async function agentResources(text: string, workDir: string): Promise<readonly Resource[]> {
  const parsed = parseResources(text);
  const given = parsed.ok ? parsed.value : [];
  const named = new Set(given.map((r) => r.name));
  const memMb = Math.floor(totalmem() / MB);
  const detected: Resource[] = [
    scalar('cpus', availableParallelism()),
    scalar('mem', memMb >= 2048 ? memMb - 1024 : Math.floor(memMb / 2)),
    scalar('disk', await diskMb(workDir)),
    { name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 32000 }] }, role: '*' },
  ];
  return [...given, ...detected.filter((r) => !named.has(r.name))];
}

function scalar(name: string, value: number): Resource {
  return { name, type: 'SCALAR', scalar: { value }, role: '*' };
}

async function diskMb(path: string): Promise<number> {
  const fs = await statfs(path);
  const mb = Math.floor((fs.blocks * fs.bsize) / MB);
  return mb >= 10 * 1024 ? mb - 5 * 1024 : Math.floor(mb / 2);
}
