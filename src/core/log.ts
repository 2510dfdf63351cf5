import { pino } from 'pino';

export type Logger = pino.Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/**
 * The program's one logger: a JSON object a line on stderr (stdout belongs to answers and tables), or in a file.
 * `format` rewrites each line on its way out, for people.
 */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly file?: string;
  readonly format?: (json: string) => string;
}): Logger {
  const destination = pino.destination({ dest: options.file ?? 2, sync: false, mkdir: true });
  const { format } = options;
  return pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime, errorKey: 'error' },
    format ? { write: (json: string) => void destination.write(format(json)) } : destination,
  );
}

/** A logger that says nothing, for tests. */
export const silentLogger: Logger = pino({ level: 'silent' });
