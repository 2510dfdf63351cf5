import { systemClock } from '../../../../core/clock.ts';
import type { Groups } from '../../cgroup/index.ts';
import type { Launcher, LaunchSpec } from '../../launcher.ts';
import { createProcessLauncher } from '../process-launcher.ts';
import type { ProcessTable } from '../process-table.ts';

type Words = LaunchSpec['argv'];

/** What the launcher contract asks for. */
interface UnderProcesses {
  make(): Launcher;
  readonly commands: {
    exit(code: number): Words;
    readonly patient: Words;
    readonly stubborn: Words;
    readonly missing: Words;
  };
  readonly holds: {
    readonly user?: { readonly name: string; readonly isUser: Words };
    readonly openFiles: (count: number) => Words;
    readonly eats?: (bytes: number) => Words;
    readonly changes: {
      readonly eatsAtSignal: (bytes: number) => Words;
      readonly keeps: (bytes: number) => Words;
      readonly asWhole: boolean;
    };
    readonly readOnly?: (path: string) => Words;
  };
}

/** A process launcher of this machine for the contract; who is root can switch users too. */
export function underProcesses(
  parts: { readonly table?: ProcessTable; readonly groups?: Groups } = {},
): UnderProcesses {
  const root = process.getuid?.() === 0;
  const mounts = root && process.platform === 'linux';
  const limitsMemory = parts.groups?.description.includes('memory');
  const eating = (bytes: number): string => `head -c ${bytes} /dev/zero | tail -c ${bytes} | wc -c`;
  const eats = (bytes: number): Words => shell(eating(bytes));
  return {
    make: () => createProcessLauncher({ clock: systemClock, ...parts }),
    commands: {
      exit: (code) => shell(`exit ${code}`),
      patient: ['/bin/sleep', '1000'],
      stubborn: shell('trap "" TERM; while :; do sleep 1000; done'),
      missing: ['/no/such/program'],
    },
    holds: {
      ...(root ? { user: { name: 'nobody', isUser: shell('[ "$(id -un)" = nobody ]') } } : {}),
      openFiles: (count) => shell(`[ "$(ulimit -n)" -ge ${count} ]`),
      ...(limitsMemory ? { eats } : {}),
      changes: {
        eatsAtSignal: (bytes) =>
          shell(`trap '${eating(bytes)}; exit' USR1; echo ready; while :; do sleep 1000 & wait; done`),
        keeps: (bytes) => shell(`(head -c ${bytes} /dev/zero; exec sleep 1000) | tail -c ${bytes}`),
        asWhole: true,
      },
      ...(mounts ? { readOnly: (path) => shell(`[ -d ${path} ] && ! touch ${path}/x`) } : {}),
    },
  };
}

function shell(script: string): Words {
  return ['/bin/sh', '-c', script];
}
