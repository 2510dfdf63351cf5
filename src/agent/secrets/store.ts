import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secret } from '../../mesos/index.ts';
import { openInside } from '../api/open-inside.ts';

/** The secrets that this agent may tell its tasks. Read anew each time: whoever changes one changes it for the next launch. */
export interface SecretStore {
  /** Rejects, in words for the framework and without anything secret, where it cannot be had. */
  read(secret: Secret): Promise<Buffer>;
}

const MAX_BYTES = 1024 * 1024;
const STEP = /^(?!\.\.?$)[^/\0]+$/;

/** Secrets as files below `folder`: `<name>`, or `<name>/<key>`. Nobody but their owner may read them. */
export function createSecretStore(folder: string | undefined): SecretStore {
  return {
    async read({ type, reference, value }) {
      if (value && type !== 'REFERENCE') return Buffer.from(value.data, 'base64');
      if (!reference) throw new Error('a secret has a value or a reference');
      const name = [reference.name, ...(reference.key === undefined ? [] : [reference.key])].join('/');
      if (folder === undefined)
        throw new Error(`this agent has no secrets to refer to ('${name}'); agent.secretsDir names them`);
      return readFile(folder, name);
    },
  };
}

async function readFile(folder: string, name: string): Promise<Buffer> {
  const steps = name.replace(/^\//, '').split('/');
  if (!steps.every((step) => STEP.test(step))) throw new Error(`'${name}' is no name of a secret`);
  const entry = await openInside(folder, join(folder, ...steps)).catch(() => undefined);
  if (entry === undefined || entry === 'outside')
    throw new Error(`this agent has no secret '${name}' (agent.secretsDir)`);
  try {
    const { stats } = entry;
    if (!stats.isFile()) throw new Error(`the secret '${name}' is no file; it has keys, perhaps`);
    if ((stats.mode & 0o077) !== 0)
      throw new Error(`the file of the secret '${name}' may be read by others; it must have mode 0600`);
    if (stats.size > MAX_BYTES) throw new Error(`the secret '${name}' is larger than ${MAX_BYTES} bytes`);
    const file = await open(entry.path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  } finally {
    await entry.close();
  }
}
