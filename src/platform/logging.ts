import { z } from 'zod';
import { createLogger } from '../core/log.ts';
import type { Logger } from '../core/log.ts';
import type { World } from './world.ts';

export const logConfigSchema = z.strictObject({
  level: z
    .enum(['auto', 'trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('auto')
    .describe("What is worth a line. 'auto': warnings on a terminal, else info."),
  format: z
    .enum(['auto', 'json', 'text'])
    .default('auto')
    .describe(
      "'json': an object a line, for machines; 'text': for people; 'auto': text on a terminal, else json.",
    ),
  file: z.string().default('').describe('Write to this file and not to stderr.'),
});

export type LogConfig = z.output<typeof logConfigSchema>;

/** The logger that the configuration asks for. `auto` is about the terminal, so a file always gets json and info. */
export function openLog(config: LogConfig, world: Pick<World, 'err' | 'errIsTerminal'>): Logger {
  const forPerson = world.errIsTerminal && config.file === '';
  const level = config.level === 'auto' ? (forPerson ? 'warn' : 'info') : config.level;
  const text = config.format === 'auto' ? forPerson : config.format === 'text';
  return createLogger({
    level,
    ...(config.file === '' ? {} : { file: config.file }),
    ...(text ? { format: textLine } : {}),
  });
}

const SHOWN_BEFORE = new Set(['level', 'time', 'msg', 'part', 'error']);

/** A pino line for people: time, level, part, message, then what else it says. */
export function textLine(json: string): string {
  let line: Record<string, unknown>;
  try {
    line = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const error = line['error'] as { message?: string; stack?: string; hint?: string } | undefined;
  const words = [
    plain(line['time']).slice(11, 23),
    levelName(Number(line['level'])).padEnd(5),
    ...(line['part'] === undefined ? [] : [`${plain(line['part'])}:`]),
    plain(line['msg'] ?? ''),
    ...(error?.message === undefined ? [] : [`- ${error.message}`]),
    ...Object.entries(line).flatMap(([k, v]) => (SHOWN_BEFORE.has(k) ? [] : [`${k}=${plain(v)}`])),
    ...(error?.hint === undefined ? [] : [`(${error.hint})`]),
  ];
  // Our own errors say all there is to say; of any other at this level somebody will want to know where.
  const where = error?.hint === undefined && Number(line['level']) >= 50 ? (error?.stack ?? '') : '';
  return `${[words.join(' '), ...where.split('\n').slice(1)].join('\n')}\n`;
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function levelName(level: number): string {
  if (level >= 60) return 'FATAL';
  if (level >= 50) return 'ERROR';
  if (level >= 40) return 'WARN';
  if (level >= 30) return 'INFO';
  return 'DEBUG';
}
