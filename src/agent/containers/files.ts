import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { ContainerId, Resource, TaskLimits } from '../../mesos/index.ts';
import { makeFolder, writeAtomically } from '../checkpoint/durable.ts';
import { Layout } from '../checkpoint/layout.ts';
import { CHECKPOINT_VERSION } from '../checkpoint/records.ts';
import type { LaunchCheckpoint } from '../launcher/launcher.ts';
import type { SandboxWay } from './sandbox.ts';

/** What an agent that was restarted has to know of a container that the API launched; no command, so no secrets. */
export interface ContainerRecord {
  readonly version: number;
  readonly id: ContainerId;
  readonly way: SandboxWay;
  readonly user?: string | undefined;
  readonly resources: readonly Resource[];
  readonly limits?: TaskLimits | undefined;
  readonly checkpoint: LaunchCheckpoint;
}

/** The memory of the agent of the containers that its API launched, by the names that the launcher knows them by. */
export interface ContainerFiles {
  /** The folder that has the sandboxes of containers without a parent. */
  readonly sandboxes: string;
  /** For the launcher. */
  runtimeDir(name: string): string;
  create(name: string): Promise<void>;
  makeSandboxes(): Promise<void>;
  /** On disk when it resolves. */
  write(name: string, record: ContainerRecord): Promise<void>;
  /** All that were written; what was only created is removed: it never ran. */
  all(): Promise<readonly { readonly name: string; readonly record: ContainerRecord }[]>;
  remove(name: string): Promise<void>;
}

const FILE = 'container.json';

/** In files below the work folder of an agent. */
export function createContainerFiles(workDir: string, log: Logger): ContainerFiles {
  const layout = new Layout(workDir);
  const root = join(layout.meta, 'containers');
  const at = (name: string): string => join(root, name);
  const remove = (name: string): Promise<void> => rm(at(name), { recursive: true, force: true });
  return {
    sandboxes: join(layout.workDir, 'containers'),
    runtimeDir: at,
    async create(name) {
      await makeFolder(root, 0o750);
      await mkdir(at(name), { recursive: true, mode: 0o750 });
    },
    makeSandboxes: () => makeFolder(join(layout.workDir, 'containers'), 0o711),
    write: (name, record) => writeAtomically(join(at(name), FILE), JSON.stringify(record)),
    async all() {
      const found: { name: string; record: ContainerRecord }[] = [];
      for (const name of await readdir(root).catch((): string[] => [])) {
        try {
          const record = JSON.parse(await readFile(join(at(name), FILE), 'utf8')) as ContainerRecord;
          if (record.version <= CHECKPOINT_VERSION) found.push({ name, record });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') await remove(name);
          else log.error({ path: at(name), error: errorText(error) }, 'a container is not known any more');
        }
      }
      return found;
    },
    remove,
  };
}
