import { timestamp } from '../apps/app.ts';
import { appJson } from '../apps/present.ts';
import type { JsonObject } from '../apps/json.ts';
import type { QueueEntry } from '../queue/launch-queue.ts';
import type { ApiContext } from './context.ts';
import { FORBIDDEN, mayUpdate, mayView } from './permissions.ts';
import type { Answer } from './replies.ts';
import { failure, ok } from './replies.ts';
import type { Query } from './request.ts';

/** GET /v2/queue: what waits, and why (marathon.md §2.7) */
export function listQueue(context: ApiContext, query: Query): Answer {
  const { scheduler } = context;
  const withOffers = query.all('embed').includes('lastUnusedOffers');
  const entries = scheduler.queue.entries().filter(({ app }) => mayView(context, app.id));
  const queue = entries.map((entry) => {
    const leftMs = scheduler.queue.delays.untilMs(entry.app) - scheduler.nowMs();
    return {
      app: appJson(entry.app),
      count: entry.count,
      role: entry.app.role,
      since: timestamp(entry.sinceMs),
      delay: { timeLeftSeconds: Math.max(0, Math.ceil(leftMs / 1000)), overdue: leftMs <= 0 },
      processedOffersSummary: summary(entry),
      ...(withOffers ? { lastUnusedOffers: lastUnusedOffers(entry) } : {}),
    };
  });
  return ok({ queue });
}

function summary({ statistics }: QueueEntry): JsonObject {
  const { lastUnusedAtMs, lastUsedAtMs } = statistics;
  return {
    processedOffersCount: statistics.processed,
    unusedOffersCount: statistics.unusedCount,
    ...(lastUnusedAtMs === undefined ? {} : { lastUnusedOfferAt: timestamp(lastUnusedAtMs) }),
    ...(lastUsedAtMs === undefined ? {} : { lastUsedOfferAt: timestamp(lastUsedAtMs) }),
    rejectSummaryLastOffers: statistics.lastOffersFunnel(),
    rejectSummaryLaunchAttempt: statistics.launchAttemptFunnel(),
  };
}

function lastUnusedOffers({ statistics }: QueueEntry): unknown[] {
  return statistics.lastUnused().map(({ offer, reasons, atMs }) => ({
    offer: {
      id: offer.id.value,
      agentId: offer.agent_id.value,
      hostname: offer.hostname,
      resources: offer.resources,
      attributes: offer.attributes ?? [],
    },
    reason: reasons,
    timestamp: timestamp(atMs),
  }));
}

/** DELETE /v2/queue/{appId}/delay */
export function resetDelay(context: ApiContext, appId: string): Answer {
  const { scheduler } = context;
  if (!scheduler.queue.get(appId)) return failure(404, `Application ${appId} not found in tasks queue.`);
  if (!mayUpdate(context, appId)) return FORBIDDEN;
  scheduler.queue.delays.reset(appId);
  scheduler.kick();
  return { status: 204 };
}
