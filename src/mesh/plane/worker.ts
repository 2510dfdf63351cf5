import { isMainThread } from 'node:worker_threads';
import { thisPlaneThread } from '../../net/index.ts';
import type { MeshOrder, MeshSetup } from './messages.ts';
import { MeshPlane } from './plane.ts';

// The entry of the thread that carries the connections of tasks. On the main thread it is only compiled.
if (!isMainThread) {
  const thread = await thisPlaneThread();
  const { reactor, clock, log } = thread;
  const parts = { reactor, clock, log, setup: thread.setup as MeshSetup };
  const plane = new MeshPlane(parts, (word) => thread.send(word));
  thread.onMessage = (message) => plane.onOrder(message as MeshOrder);
  await thread.run();
}
