import type { LauncherUnderTest } from '../../../src/agent/launcher/launcher.contract.ts';

/** What the launcher contract needs of an image with nothing but busybox. */
export const inBusybox: Omit<LauncherUnderTest, 'make' | 'holds'> = {
  container: { type: 'DOCKER', docker: { image: 'busybox' } },
  commands: {
    exit: (code) => ['/bin/sh', '-c', `exit ${code}`],
    // a first process gets only the signals that it asked for
    patient: ['/bin/sh', '-c', 'trap "exit 143" TERM; while :; do sleep 1000 & wait; done'],
    stubborn: ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 1000; done'],
    missing: ['/no/such/program'],
  },
};

const eating = (bytes: number): string => `head -c ${bytes} /dev/zero | tail -c ${bytes} >/dev/null`;

/** What dockerd can hold such a container to (podman's OOMs go unsaid with the control groups of version 1). */
export const heldByDocker: NonNullable<LauncherUnderTest['holds']> = {
  openFiles: (count) => ['/bin/sh', '-c', `test $(ulimit -n) -ge ${count}`],
  eats: (bytes) => ['/bin/sh', '-c', eating(bytes)],
  changes: {
    eatsAtSignal: (bytes) => [
      '/bin/sh',
      '-c',
      `trap '${eating(bytes)}; exit' USR1; echo ready; while :; do sleep 1000 & wait; done`,
    ],
    keeps: (bytes) => [
      '/bin/sh',
      '-c',
      `(head -c ${bytes} /dev/zero; exec sleep 1000) | tail -c ${bytes} >/dev/null`,
    ],
    // the kernel ends what went over it; the engine lets the rest be
    asWhole: false,
  },
};
