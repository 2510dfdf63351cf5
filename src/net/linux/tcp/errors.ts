import type { Peer } from '../../types.ts';
import { systemError } from '../libc.ts';

/** As Node words it. */
export function connectError(errno: number, to: Peer): NodeJS.ErrnoException {
  const error = systemError('connect', errno);
  error.message = `connect ${error.code} ${to.ip}:${to.port}`;
  return Object.assign(error, { address: to.ip, port: to.port });
}
