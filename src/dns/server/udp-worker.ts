import { systemClock } from '../../core/clock.ts';
import { createUdpHandler } from './udp-handler.ts';
import type { UdpHandlerSettings } from './udp-handler.ts';
import { runUdpWorker } from './udp-worker-run.ts';

// The entry of a worker thread; `udp-service.ts` starts it.
await runUdpWorker((settings, post) => createUdpHandler(settings as UdpHandlerSettings, post, systemClock));
