import type { RLimit } from '../../../mesos/index.ts';

/** Limits of setrlimit(2) by the name that Mesos gives them (mesos.proto, RLimitInfo), with the option of prlimit(1). */
const OPTIONS: ReadonlyMap<string, string> = new Map(
  [
    'AS',
    'CORE',
    'CPU',
    'DATA',
    'FSIZE',
    'LOCKS',
    'MEMLOCK',
    'MSGQUEUE',
    'NICE',
    'NOFILE',
    'NPROC',
    'RSS',
    'RTPRIO',
    'RTTIME',
    'SIGPENDING',
    'STACK',
  ].map((name) => [`RLMT_${name}`, `--${name.toLowerCase()}`]),
);

/** The words for prlimit(1). Throws, in words for the framework, at what is no limit. */
export function rlimitWords(rlimits: readonly RLimit[]): string[] {
  return rlimits.map(({ type, soft, hard }) => {
    const option = OPTIONS.get(type);
    if (option === undefined)
      throw new Error(`Unknown rlimit '${type}'; known are ${[...OPTIONS.keys()].join(', ')}`);
    if ((soft === undefined) !== (hard === undefined))
      throw new Error(`Limit ${type} must have both 'soft' and 'hard', or neither`);
    if (soft === undefined || hard === undefined) return `${option}=unlimited:unlimited`;
    if (!Number.isInteger(soft) || !Number.isInteger(hard) || soft < 0 || soft > hard)
      throw new Error(`Limit ${type} must have whole numbers, 'soft' at most 'hard'`);
    return `${option}=${soft}:${hard}`;
  });
}
