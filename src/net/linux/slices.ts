import { loadKoffi } from './libc.ts';

/** Numbers of sched_setattr(2). */
const SCHED_SETATTR: Readonly<Record<string, number>> = { x64: 314, arm64: 274 };
/** struct sched_attr: size, policy, flags, nice, priority, then runtime, deadline and period, 64 bits each. */
const ATTR_BYTES = 48;
const RUNTIME_AT = 24;
/** Tasks that such a thread starts are ordinary again. */
const RESET_ON_FORK = 1;
const FLAGS_AT = 8;
/** The least that the kernel takes, nanoseconds. */
const SLICE_NS = 100_000;

/**
 * Ask the kernel to run this thread often and briefly: when it wakes it goes before threads that compute for long (the state of a cluster,
 * garbage collection), and owes them nothing for it, since it gets no more of the processor than before. From Linux 6.12 on
 * (`sched_runtime` of a fair thread, sched_setattr(2)); older ones take the call and do nothing. Needs no privilege. False where it cannot be
 * asked for.
 */
export async function runOftenAndBriefly(arch: string = process.arch): Promise<boolean> {
  const number = SCHED_SETATTR[arch];
  const { koffi } = await loadKoffi();
  if (!koffi || number === undefined) return false;
  const attributes = new ArrayBuffer(ATTR_BYTES);
  const view = new DataView(attributes);
  view.setUint32(0, ATTR_BYTES, true);
  view.setBigUint64(FLAGS_AT, BigInt(RESET_ON_FORK), true);
  view.setBigUint64(RUNTIME_AT, BigInt(SLICE_NS), true);
  const syscall = koffi.load(null).func('syscall', 'int64', ['int64', 'int64', 'uint64', 'uint64']) as (
    ...a: number[]
  ) => number;
  return syscall(number, 0, Number(koffi.address(attributes)), 0) === 0;
}
