import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

export interface Received {
  readonly bytes: number;
  /** In lower case hex. */
  readonly sha256: string;
}

export interface ReceiveOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Hears how many bytes are there so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Have it on disk before this resolves. */
  readonly sync?: boolean;
}

/** What another try would not change. */
export class FinalError extends Error {}

/** Write what comes into a new file of the agent's own. Rejects at the first byte beyond `maxBytes`; the file is then the caller's to remove. */
export async function receive(
  source: AsyncIterable<Uint8Array>,
  path: string,
  { maxBytes, signal, onBytes, sync }: ReceiveOptions,
): Promise<Received> {
  const hash = createHash('sha256');
  const file = await open(path, 'w', 0o600);
  let bytes = 0;
  try {
    for await (const chunk of source) {
      signal.throwIfAborted();
      bytes += chunk.byteLength;
      if (bytes > maxBytes)
        throw new FinalError(
          `it is larger than ${maxBytes} bytes; agent.fetcher.maxBytes says how much is allowed`,
        );
      hash.update(chunk);
      await file.writeFile(chunk);
      onBytes?.(bytes);
    }
    signal.throwIfAborted();
    if (sync === true) await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}
