import { sleep } from '../../core/clock.ts';
import type { HttpResponse } from '../../core/http/client.ts';
import { beganEmpty } from '../../mesos/index.ts';
import { askedAt, at, changesOfSummary } from '../model/index.ts';
import type { Change } from '../model/index.ts';
import { call, get } from './request.ts';
import type { RequestParts } from './request.ts';
import type { StreamSession } from './session.ts';

export interface AuditParts extends RequestParts {
  tell(changes: readonly Change[]): void;
}

/** For an answer. */
const ANSWER_MS = 15_000;

/**
 * Beside an event stream, look now and then for what the stream never tells. A master without these documents loses
 * nothing but this. Runs until `signal` aborts.
 */
export async function audit(
  origin: string,
  session: StreamSession,
  parts: AuditParts,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const asked = session.model && askedAt(session.model, session.recovery.agents.keys());
    if (asked)
      await look(
        session,
        parts,
        () => get(parts, `${origin}/state-summary`, signal),
        (summary) => (session.model ? changesOfSummary(session.model, asked, summary) : []),
      );
    if (session.recovery.agents.size > 0)
      await look(
        session,
        parts,
        () => call(parts, origin, 'GET_AGENTS', signal, ANSWER_MS),
        (answer, { headers }) =>
          beganEmpty(headers) ? [] : session.recovery.reconcile(at(answer, 'get_agents')),
      );
    await sleep(parts.clock, parts.options.auditMs, signal);
  }
}

/** Ask, and apply what the answer means; an answer that is being overtaken by a new snapshot counts no more. */
async function look(
  session: StreamSession,
  parts: AuditParts,
  ask: () => Promise<HttpResponse>,
  meaning: (json: unknown, response: HttpResponse) => readonly Change[],
): Promise<void> {
  const model = session.model;
  try {
    const response = await ask();
    const text = await response.text();
    if (response.status !== 200 || !model || session.model !== model || session.over || session.busy) return;
    const changes = meaning(JSON.parse(text), response);
    for (const change of changes) model.apply(change);
    if (changes.length > 0) parts.tell(changes);
  } catch {
    // It is an extra look; the stream itself shows whether the master is well.
  }
}
