import { createUdpHandler } from './udp-handler.ts';
import { runUdpWorker } from './udp-worker-run.ts';

// The entry of a worker thread; `udp-service.ts` starts it.
await runUdpWorker(createUdpHandler);
