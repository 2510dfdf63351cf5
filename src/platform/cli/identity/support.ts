import { resolve } from 'node:path';
import type { Command } from 'commander';
import { errorText, RimrockError } from '../../../core/errors.ts';
import type { World } from '../../world.ts';
import { IamProblem } from './iam-client.ts';
import { DEFAULT_API } from './login-file.ts';

/** Makes a command; `done` gets its exit status. */
export type MakeCommand = (
  world: World,
  done: (status: number) => void,
  quietly: (command: Command, world: World) => Command,
) => Command;

export const API_HELP = `the identity API (auth.host, auth.port); else RIMROCK_API, else where you are logged in, else ${DEFAULT_API}`;

/** Run a command: 0 when it is done; 1, and why, when it is not. */
export async function act(
  world: World,
  done: (status: number) => void,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
    done(0);
  } catch (error) {
    if (!(error instanceof IamProblem || error instanceof RimrockError || isSystemError(error))) throw error;
    world.err(`${error.message}\n`);
    done(1);
  }
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}

/** A file that a person has named. Throws IamProblem. */
export async function readText(world: World, file: string): Promise<string> {
  return world.readFile(resolve(world.folder, file)).catch((error: unknown) => {
    throw new IamProblem(`${file} cannot be read: ${errorText(error)}`);
  });
}

/** From a file, else from RIMROCK_PASSWORD, else asked for. */
export async function passwordOf(world: World, question: string, file: string | undefined): Promise<string> {
  if (file !== undefined) {
    const [first = ''] = (await readText(world, file)).split(/\r?\n/, 1);
    return first;
  }
  return world.environment['RIMROCK_PASSWORD'] ?? ask(world, question);
}

/** Asked for twice; else from RIMROCK_NEW_PASSWORD. */
export async function newPassword(world: World, uid: string): Promise<string> {
  const given = world.environment['RIMROCK_NEW_PASSWORD'];
  if (given !== undefined) return given;
  const first = await ask(world, `New password of ${uid}: `);
  if ((await ask(world, 'The same again: ')) !== first) throw new IamProblem('the two are not the same');
  return first;
}

async function ask(world: World, question: string): Promise<string> {
  const answer = await world.askHidden(question);
  if (answer === undefined)
    throw new IamProblem('there is nobody to ask for the password: use --password-file or RIMROCK_PASSWORD');
  return answer;
}

/** Rows with columns of one width. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
