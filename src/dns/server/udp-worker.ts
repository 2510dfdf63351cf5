import { isMainThread } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { createUdpHandler } from './udp-handler.ts';
import type { UdpHandlerSettings } from './udp-handler.ts';
import { runUdpWorker } from './udp-worker-run.ts';

// The entry of a worker thread; `udp-service.ts` starts it. On the main thread it is only compiled (worker-modules.ts).
if (!isMainThread)
  await runUdpWorker((settings, main) => createUdpHandler(settings as UdpHandlerSettings, main, systemClock));
