import { errorText } from '../../core/errors.ts';
import type { CommandInfo } from '../../mesos/index.ts';
import type { SecretStore } from './store.ts';

/**
 * A command whose secret variables are plain ones. It is for the environment of its process only: what is written down, shown or logged is
 * the command as it came. Rejects, in words for the framework, where one of its secrets cannot be had.
 */
export async function withSecretsRead(
  store: SecretStore,
  command: CommandInfo | undefined,
): Promise<CommandInfo | undefined> {
  const variables = command?.environment?.variables ?? [];
  if (!variables.some(({ type }) => type === 'SECRET')) return command;
  const read = variables.map(async (variable) => {
    const { name, type, secret } = variable;
    if (type !== 'SECRET') return variable;
    const problem = (why: string): Error => new Error(`Environment variable '${name}': ${why}`);
    const bytes = await store.read(secret ?? {}).catch((error: unknown) => {
      throw problem(errorText(error));
    });
    if (bytes.includes(0)) throw problem('its secret has a NUL, which no variable can hold');
    return { name, type: 'VALUE' as const, value: bytes.toString('utf8') };
  });
  return { ...command, environment: { ...command?.environment, variables: await Promise.all(read) } };
}
