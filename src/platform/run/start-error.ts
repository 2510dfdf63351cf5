import { errorText, RimrockError } from '../../core/errors.ts';
import { platformErrors } from '../errors.ts';
import { addressText } from './addresses.ts';
import type { ListenAddress } from './addresses.ts';

/**
 * Why a part did not start, for a person. When a socket could not be bound, the error says which setting to change,
 * whatever the part said.
 */
export function startError(
  error: unknown,
  part: string,
  addresses: readonly ListenAddress[],
): RimrockError | Error {
  const bind = bindFailure(error);
  if (bind) {
    const found = addresses.find((a) => a.port === bind.port) ?? addresses[0];
    if (found) {
      const details = { part: found.title, address: addressText(found), key: found.portKey };
      if (bind.code === 'EADDRINUSE') return platformErrors.PLATFORM_ADDRESS_IN_USE(details, error);
      return platformErrors.PLATFORM_ADDRESS_REFUSED({ ...details, reason: bind.reason }, error);
    }
  }
  if (error instanceof Error) return error;
  return new Error(`${part}: ${errorText(error)}`);
}

const BIND_CODES = new Set(['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES']);

/** The system's own error, wherever in the chain of causes. */
function bindFailure(
  error: unknown,
): { readonly code: string; readonly port: number | undefined; readonly reason: string } | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, port, syscall } = at as NodeJS.ErrnoException & { readonly port?: number };
    if (code !== undefined && BIND_CODES.has(code) && (syscall === 'listen' || syscall === 'bind'))
      return { code, port, reason: at.message };
  }
  return undefined;
}

/** Message, then what to do about it. */
export function printError(error: unknown, part?: string): string {
  const where = part === undefined ? '' : `${part}: `;
  if (error instanceof RimrockError) return `${where}${error.message}\n${error.hint}\n[${error.code}]\n`;
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${where}${told}\n`;
}
