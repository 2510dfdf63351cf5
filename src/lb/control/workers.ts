const MOST = 4;

/**
 * How many planes there are: as many as asked for, else half of the cores, at least 1, at most 4. Only on Linux do several
 * sockets share an address so that connections are spread over them; elsewhere there is one plane.
 */
export function planesFor(asked: number | undefined, cores: number, platform: string): number {
  if (platform !== 'linux') return 1;
  return asked ?? Math.max(1, Math.min(MOST, Math.floor(cores / 2)));
}
