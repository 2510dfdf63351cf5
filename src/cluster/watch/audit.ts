import { sleep } from '../../core/clock.ts';
import { askedAt, changesOfSummary } from '../model/index.ts';
import type { Change } from '../model/index.ts';
import { get } from './request.ts';
import type { RequestParts } from './request.ts';
import type { StreamSession } from './session.ts';

/**
 * Beside an event stream, look at `/state-summary` now and then for what the stream never tells. A master without that
 * document loses nothing but this. Runs until `signal` aborts.
 */
export async function audit(
  origin: string,
  session: StreamSession,
  parts: RequestParts & { tell(changes: readonly Change[]): void },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await auditOnce(origin, session, parts, signal);
    await sleep(parts.clock, parts.options.auditMs, signal);
  }
}

async function auditOnce(
  origin: string,
  session: StreamSession,
  parts: RequestParts & { tell(changes: readonly Change[]): void },
  signal: AbortSignal,
): Promise<void> {
  const model = session.model;
  if (!model) return;
  const asked = askedAt(model);
  try {
    const response = await get(parts, `${origin}/state-summary`, signal);
    const text = await response.text();
    // A new snapshot came in between: what was asked was another model.
    if (response.status !== 200 || signal.aborted || session.model !== model) return;
    const changes = changesOfSummary(model, asked, JSON.parse(text));
    for (const change of changes) model.apply(change);
    if (changes.length > 0) parts.tell(changes);
  } catch {
    // It is an extra look; the stream itself shows whether the master is well.
  }
}
