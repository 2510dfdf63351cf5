import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chmod, copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { CommandUri } from '../../mesos/index.ts';
import { agentErrors } from '../errors.ts';
import { planFetch } from './uri.ts';
import type { FetchPlan } from './uri.ts';

const MAX_REDIRECTS = 5;
/** A download that stands still for this long has failed (mesos-api.md §2.8). */
const STALL_MS = 60_000;

/** Brings the URIs of a command into its sandbox, one after the other; rejects with an error that names the URI. */
export interface Fetcher {
  fetch(uris: readonly CommandUri[], sandbox: string, signal: AbortSignal): Promise<void>;
}

export function createFetcher(http: HttpClient): Fetcher {
  return {
    async fetch(uris, sandbox, signal) {
      for (const uri of uris) {
        try {
          const planned = planFetch(uri);
          if (!planned.ok) throw new Error(planned.problem);
          await fetchOne(http, planned.plan, sandbox, signal);
        } catch (error) {
          throw agentErrors.AGENT_FETCH({ uri: uri.value, problem: errorText(error) }, error);
        }
      }
    },
  };
}

async function fetchOne(
  http: HttpClient,
  plan: FetchPlan,
  sandbox: string,
  signal: AbortSignal,
): Promise<void> {
  const target = join(sandbox, plan.target);
  const temporary = `${target}.fetching`;
  await mkdir(dirname(target), { recursive: true });
  try {
    if (plan.source.kind === 'file') await copyFile(plan.source.path, temporary);
    else await download(http, plan.source.url, temporary, signal);
    await chmod(temporary, plan.executable ? 0o755 : 0o644);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (plan.extract) await extract(plan.extract, target, dirname(target), signal);
}

async function download(http: HttpClient, url: string, target: string, signal: AbortSignal): Promise<void> {
  let at = url;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await http.request({ method: 'GET', url: at, timeoutMs: STALL_MS, signal });
    if (response.status === 200) {
      await pipeline(Readable.from(response.body), createWriteStream(target), { signal });
      return;
    }
    response.cancel();
    const location = response.headers['location'];
    if (response.status < 300 || response.status > 399 || location === undefined)
      throw new Error(`the server answered ${response.status}`);
    at = new URL(location, at).href;
    if (!/^https?:/.test(at)) throw new Error(`the server redirects to ${at}`);
  }
  throw new Error(`more than ${MAX_REDIRECTS} redirects`);
}

async function extract(
  command: readonly string[],
  file: string,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const [program = '', ...rest] = command.map((part) => (part === '{}' ? file : part));
  const child = spawn(program, rest, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], signal });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(0, 500)));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} could not unpack it: ${said.trim() || `status ${code}`}`);
}
