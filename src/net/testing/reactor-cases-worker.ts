import { isMainThread } from 'node:worker_threads';
import { thisPlaneThread } from '../plane/in-thread.ts';
import { runCase } from './reactor-case.ts';
import { reactorCases } from './reactor-cases.ts';
import { hardReactorCases } from './reactor-cases-hard.ts';
import { relayCases } from './relay-cases.ts';

/** A plane that runs the case that a message names, and says how it went. */
if (!isMainThread) {
  const thread = await thisPlaneThread();
  thread.onMessage = (name) => {
    const one = [...reactorCases, ...hardReactorCases, ...relayCases].find((c) => c.name === name);
    if (!one) return thread.send({ failed: `there is no case '${String(name)}'` });
    runCase(one, thread.reactor, thread.clock).then(
      () => thread.send({}),
      (error: unknown) => thread.send({ failed: error instanceof Error ? error.stack : String(error) }),
    );
  };
  await thread.run();
}
