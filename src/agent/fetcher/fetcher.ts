import { appendFile, chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { Random } from '../../core/random.ts';
import type { CommandUri } from '../../mesos/index.ts';
import { agentErrors } from '../errors.ts';
import { unpack } from './archive/unpack.ts';
import { FetchCache } from './cache.ts';
import type { FetcherConfig } from './config.ts';
import { download } from './download.ts';
import type { Downloads } from './download.ts';
import { localFile } from './local-file.ts';
import { placeFile, placeTree } from './place.ts';
import { receive } from './receive.ts';
import type { Received } from './receive.ts';
import { planFetch, shownUri } from './uri.ts';
import type { FetchPlan } from './uri.ts';

/** How often people who follow the log of a task read how far a download is. */
const PROGRESS_MS = 10_000;
/** Where things are until they are whole; it is gone when the fetching is over. */
const WORK_FOLDER = '.rimrock-fetching';

/** Brings the URIs of a command into its sandbox, one after the other. */
export interface Fetcher {
  /**
   * Rejects with AGENT_FETCH, which names the URI; with the reason of `signal` as soon as that aborts. What is fetched appears in the sandbox
   * as a whole or not at all. `user`: whom the command runs as, undefined for the agent's own user.
   */
  fetch(uris: readonly CommandUri[], sandbox: string, signal: AbortSignal, user?: string): Promise<void>;
}

export interface FetcherParts {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly config: FetcherConfig;
  /** Of the agent, where the configuration names no folder for the cache. */
  readonly workDir: string;
}

/** One fetching: where it goes, and for whom. */
interface Job {
  readonly sandbox: string;
  readonly work: string;
  readonly user: string | undefined;
  readonly signal: AbortSignal;
  readonly tell: (line: string) => void;
}

export function createFetcher({ http, clock, random, config, workDir }: FetcherParts): Fetcher {
  const folder = config.cacheDir ?? join(workDir, 'fetch-cache');
  const cache = new FetchCache({ folder, maxBytes: config.cacheBytes, clock, random });
  const stallMs = config.stallTimeoutSeconds * 1000;
  const all: Parts = { config, cache, downloads: { http, clock, stallMs, tries: config.tries } };
  return {
    async fetch(uris, sandbox, signal, user) {
      if (uris.length === 0) return;
      const log = new SandboxLog(sandbox);
      const work = join(sandbox, WORK_FOLDER);
      try {
        for (const uri of uris)
          await fetchUri(all, uri, { sandbox, work, user, signal, tell: (line) => log.tell(line) });
      } finally {
        await rm(work, { recursive: true, force: true });
        await log.written();
      }
    },
  };
}

interface Parts {
  readonly config: FetcherConfig;
  readonly cache: FetchCache;
  readonly downloads: Downloads;
}

async function fetchUri(parts: Parts, uri: CommandUri, job: Job): Promise<void> {
  job.signal.throwIfAborted();
  try {
    const planned = planFetch(uri, parts.config.frameworksHome);
    if (!planned.ok) throw new Error(planned.problem);
    await rm(job.work, { recursive: true, force: true });
    await mkdir(job.work, { mode: 0o700 });
    await fetchOne(parts, planned.plan, job);
  } catch (error) {
    job.signal.throwIfAborted();
    const failed = agentErrors.AGENT_FETCH({ uri: shownUri(uri.value), problem: errorText(error) }, error);
    job.tell(failed.message);
    throw failed;
  }
}

async function fetchOne(parts: Parts, plan: FetchPlan, job: Job): Promise<void> {
  const { shown, target, cache } = plan;
  job.tell(`Fetching ${shown}`);
  if (!cache) {
    const file = join(job.work, 'file');
    const { bytes } = await bring(parts, plan, file, job);
    await deliver(parts, plan, { file, isCached: false }, job);
    return job.tell(`Fetched ${shown} (${bytes} bytes) to '${target}'`);
  }
  // what one user may have, another one may not
  const key = JSON.stringify([job.user ?? '', plan.source, plan.sha256 ?? '']);
  await parts.cache.with(
    key,
    async (path, signal, tell) => void (await bring(parts, plan, path, { ...job, signal, tell }, true)),
    (file) => deliver(parts, plan, { file, isCached: true }, job),
    job,
  );
  job.tell(`Fetched ${shown} to '${target}', by the cache of the agent`);
}

/** Have the bytes in a file, as they are to be. */
async function bring(
  { config, downloads }: Parts,
  { source, sha256 }: FetchPlan,
  path: string,
  { signal, tell, user }: Pick<Job, 'signal' | 'tell' | 'user'>,
  sync = false,
): Promise<Received> {
  const { maxBytes, localFolders: folders } = config;
  const progress = { at: 0, of: undefined as number | undefined };
  const timer = downloads.clock.every(PROGRESS_MS, () =>
    tell(`${progress.at} bytes${progress.of === undefined ? '' : ` of ${progress.of}`}`),
  );
  try {
    const received =
      source.kind === 'file'
        ? await receive(localFile(source.path, { folders, user, signal }), path, { maxBytes, signal, sync })
        : await download(downloads, source.url, path, {
            maxBytes,
            signal,
            sync,
            onBytes: (at, of) => Object.assign(progress, { at, of }),
            onRetry: (problem) => tell(`It is tried again: ${problem}`),
          });
    if (sha256 !== undefined && received.sha256 !== sha256)
      throw new Error(
        `its SHA-256 is ${received.sha256}, not ${sha256}: it was changed, or the checksum is another one's`,
      );
    return received;
  } finally {
    timer.cancel();
  }
}

/** Unpack it, or put it in its place, or both; an archive that others use as well is only unpacked (mesos-api.md §2.8). */
async function deliver(
  { config }: Parts,
  plan: FetchPlan,
  { file, isCached }: { readonly file: string; readonly isCached: boolean },
  { work, sandbox, signal }: Job,
): Promise<void> {
  const { archive, target } = plan;
  const steps = target.split('/');
  if (archive) {
    const tree = join(work, 'tree');
    await mkdir(tree, { mode: 0o755 });
    const name = steps.at(-1) ?? '';
    await unpack(archive, { path: file, name }, tree, config, signal);
    await placeTree(tree, sandbox, steps.slice(0, -1));
    if (isCached) return;
  }
  const own = join(work, 'own');
  if (isCached) await copyFile(file, own, constants.COPYFILE_FICLONE);
  await chmod(isCached ? own : file, plan.executable ? 0o755 : 0o644);
  signal.throwIfAborted();
  await placeFile(isCached ? own : file, sandbox, target);
}

/** Lines in the stderr of a sandbox, where people look first. That it cannot be written stops nothing. */
class SandboxLog {
  readonly #path: string;
  #last: Promise<void> = Promise.resolve();

  constructor(sandbox: string) {
    this.#path = join(sandbox, 'stderr');
  }

  tell(line: string): void {
    const text = `${line}\n`;
    const flag = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    this.#last = this.#last.then(() => appendFile(this.#path, text, { flag, mode: 0o644 })).catch(() => {});
  }

  written(): Promise<void> {
    return this.#last;
  }
}
