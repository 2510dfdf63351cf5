import { existsSync } from 'node:fs';
import { delimiter, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Lifecycle } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { RimrockConfig } from '../config/schema.ts';
import { openLog } from '../logging.ts';
import { runs } from '../roles.ts';
import type { Role } from '../roles.ts';
import type { World } from '../world.ts';
import { listenAddresses, realAddresses } from './addresses.ts';
import type { ListenAddress } from './addresses.ts';
import { buildParts } from './parts.ts';
import type { Part } from './part.ts';
import { tendIdleMemory } from './idle-memory.ts';
import { awaitReady } from './ready.ts';
import { ReloadCounts, Reloader, whenQuiet } from './reload.ts';
import { printError, startError } from './start-error.ts';
import { aborted, stopRequests } from './stop.ts';
import { commandsToTry, readyTable } from './table.ts';
import { Succession } from './upgrade/succession.ts';

/** How long the table waits for the parts to be ready before it says what is missing. */
const READY_WITHIN_MS = 4_000;

/** How long the edge waits for the control plane of its own process to have its agent and its tasks back. */
const SETTLED_WITHIN_MS = 1_500;

/** Where the configuration came from, to read it again. */
export interface ConfigSource {
  /** Absolute; undefined without a file. */
  readonly path: string | undefined;
  readonly load: () => Promise<LoadedConfig>;
}

/** Run a role until it is told to end; resolves to the exit status. */
export async function run(
  role: Role,
  config: RimrockConfig,
  world: World,
  source?: ConfigSource,
): Promise<number> {
  const begun = world.clock.monotonic();
  const log = openLog(config.log, world);
  world.onCrash((error) => log.fatal({ error }, 'nobody caught this; ending'));
  const failed = new AbortController();
  const ending = AbortSignal.any([stopRequests(world, log), failed.signal]);
  const succession = await Succession.enter({ role, config, world, log, stop: ending });
  const stop = AbortSignal.any([ending, succession.takenOver]);
  const addresses = listenAddresses(config).filter((a) => runs(role, a.section));
  let parts: Part[] = [];
  let starting = 'store';
  try {
    const { clock, random } = world;
    const { predecessor } = succession;
    const fail = (error: Error): void => failed.abort(error);
    const reloads = new ReloadCounts();
    const environment = taskEnvironment(world);
    const around = { clock, random, log, fail, environment, reloads, predecessor, stop };
    parts = await buildParts(role, config, around);
    // The other parts of an edge start threads, each with memory of its own. A master is large because of what it has.
    if (runs(role, 'dns') && !runs(role, 'master')) world.memory?.keepLittleFree();
    const components = parts.map(({ component, name }, i) => ({
      name,
      start: async () => {
        starting = name;
        // Tasks that outlived the last run come back with their agent. An edge that looked before then would tell the
        // world that nothing runs.
        if (name === 'cluster') await awaitReady(parts.slice(0, i), clock, SETTLED_WITHIN_MS, stop);
        return component.start();
      },
      stop: () => component.stop(),
    }));
    const lifecycle = new Lifecycle(components, log);
    stop.addEventListener('abort', () => void endAll(lifecycle, parts, succession, log));
    const started = lifecycle.start();
    succession.follow(parts, started);
    // From the beginning: what changes while the parts start must not be missed.
    if (source)
      followConfig(
        source,
        new Reloader({ ...source, ...role, config, parts, counts: reloads, log }),
        world,
        stop,
        started,
      );
    await started;
    if (runs(role, 'master')) world.memory?.expectGarbage();
    if (world.memory) stop.addEventListener('abort', tendIdleMemory(world.memory, clock), { once: true });
    // As long as somebody serves in our place there is no hurry.
    await awaitReady(parts, clock, Number.POSITIVE_INFINITY, AbortSignal.any([stop, succession.alone]));
    const missing = await awaitReady(parts, clock, READY_WITHIN_MS, stop);
    if (!stop.aborted) {
      const tookMs = clock.monotonic() - begun;
      log.info({ tookMs: Math.round(tookMs), missing }, 'started');
      await succession.started(missing);
      const real = realAddresses(addresses, parts);
      const notes = parts.flatMap((part) => part.notes());
      tellStarted({ role, config, world, tookMs, missing, addresses: real, notes });
    } else tellNotes(parts, world);
    await aborted(stop);
    await lifecycle.stop();
    await succession.ended();
    if (failed.signal.aborted) {
      const error: unknown = failed.signal.reason;
      log.fatal({ error }, 'ended: there is no point in going on');
      world.err(printError(error));
      return 1;
    }
    log.info('ended');
    return 0;
  } catch (error) {
    const section = parts.find((p) => p.name === starting)?.section;
    const own = addresses.filter((a) => a.section === section);
    const told = startError(error, starting, own);
    log.debug({ error, part: starting }, 'did not start');
    world.err(printError(told, starting));
    tellNotes(parts, world);
    return 1;
  }
}

/** Where it does not come to the table: the next start has a password for the first account no more. */
function tellNotes(parts: readonly Part[], world: World): void {
  for (const note of parts.flatMap((part) => part.notes())) world.err(`${note}\n`);
}

/** Editors write a file in several steps. */
const QUIET_MS = 200;

/** Read the configuration again when its file changes and when asked to, until the end. */
function followConfig(
  source: ConfigSource,
  reloader: Reloader,
  world: World,
  stop: AbortSignal,
  started: Promise<void>,
): void {
  const now = (): void => {
    if (!stop.aborted) void reloader.reload();
  };
  // A start that fails ends the process, and says why.
  const reload = whenQuiet(world.clock, QUIET_MS, () => void started.then(now, () => {}));
  world.onReloadRequest(reload);
  if (source.path === undefined) return;
  const forget = world.onFileChange(source.path, reload);
  stop.addEventListener('abort', forget, { once: true });
  started.catch(forget);
}

/** Ours, and at the end of the PATH the Node that runs us, so that tasks find some `node`. */
function taskEnvironment({ environment, nodeFolder }: World): World['environment'] {
  const path = environment['PATH'] ?? '';
  if (path.split(delimiter).includes(nodeFolder)) return environment;
  return { ...environment, PATH: path === '' ? nodeFolder : `${path}${delimiter}${nodeFolder}` };
}

/**
 * Readiness goes first and everywhere, so that whoever watches it turns away while what runs is finished; but not where another
 * process of ours is there already.
 */
async function endAll(
  lifecycle: Lifecycle,
  parts: readonly Part[],
  succession: Succession,
  log: Logger,
): Promise<void> {
  if (!succession.takenOver.aborted) for (const { health } of parts) health.drain();
  log.info('draining');
  await succession.ending();
  await lifecycle.stop();
}

interface Started {
  readonly role: Role;
  readonly config: RimrockConfig;
  readonly world: World;
  readonly tookMs: number;
  readonly missing: readonly string[];
  readonly addresses: readonly ListenAddress[];
  readonly notes: readonly string[];
}

/** For whoever has started it and looks on. */
function tellStarted({ role, config, world, addresses, ...started }: Started): void {
  const notes = [...started.notes, ...closingNotes(role, config)];
  const commands = commandsToTry(addresses, config.dns.domain, examplePath(world.folder));
  world.out(readyTable({ ...started, version: world.version, addresses, commands, notes }));
}

function closingNotes(role: Role, config: RimrockConfig): string[] {
  const notes: string[] = [];
  if (role.sections.includes('data')) notes.push(`Data is kept in ${resolve(config.data)}.`);
  notes.push('Ctrl-C drains and stops all of it.');
  return notes;
}

/** The sample app, as it is named from where the person stands. */
function examplePath(folder: string): string {
  const path = fileURLToPath(new URL('../../../config/examples/hello.json', import.meta.url));
  const near = relative(folder, path);
  return near.startsWith('..') && existsSync(path) ? path : near;
}
