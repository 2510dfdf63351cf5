import fc from 'fast-check';
import type { CommandInfo, ContainerInfo, ExecutorInfo, Secret, TaskInfo } from '../../src/mesos/index.ts';

/** What gives a secret away in any document: as it is, in base64, and the bytes of both. */
export const MARKER = 'hush-4711';
const DATA = Buffer.from(MARKER).toString('base64');

/** Whether an answer, as text or as bytes, tells a secret. */
export const tellsSecret = (bytes: Buffer): boolean => bytes.includes(MARKER) || bytes.includes(DATA);

const secret: fc.Arbitrary<Secret> = fc.constantFrom<Secret>(
  { type: 'VALUE', value: { data: DATA } },
  { type: 'REFERENCE', reference: { name: 'db', key: 'k' } },
);

const command: fc.Arbitrary<CommandInfo> = fc
  .array(fc.option(secret), { maxLength: 3 })
  .map((variables): CommandInfo => ({
    value: 'true',
    environment: {
      variables: variables.map((one, i) =>
        one ? { name: `V${i}`, type: 'SECRET', secret: one } : { name: `V${i}`, value: 'plain' },
      ),
    },
  }));

const container: fc.Arbitrary<ContainerInfo> = fc
  .record({ docker: fc.boolean(), secrets: fc.array(secret, { maxLength: 2 }) })
  .map(({ docker, secrets }): ContainerInfo => ({
    type: docker ? 'DOCKER' : 'MESOS',
    ...(docker ? { docker: { image: 'i' } } : {}),
    volumes: secrets.map((one, i) => ({
      container_path: `s${i}`,
      mode: 'RO',
      source: { type: 'SECRET', secret: one },
    })),
  }));

const parts = { container, command, health: command, check: command };

/** Tasks with secrets anywhere a task may have them; without ids and resources. */
export const secretTask: fc.Arbitrary<Pick<TaskInfo, 'command' | 'container' | 'health_check' | 'check'>> = fc
  .record(parts)
  .map(({ container: c, command: own, health, check }) => ({
    command: own,
    container: c,
    health_check: { type: 'COMMAND', command: health },
    check: { type: 'COMMAND', command: { command: check } },
  }));

/** Custom executors with secrets. */
export const secretExecutor: fc.Arbitrary<Pick<ExecutorInfo, 'command' | 'container'>> = fc.record({
  command,
  container,
});
