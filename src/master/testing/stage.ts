import type { FrameworkInfo } from '../../mesos/index.ts';
import { post, startMaster, task, TestAgent, TestScheduler } from './peers.ts';
import type { RunningMaster } from './peers.ts';

/** Starts masters that end with the test that is running, unless that ends them before. `atEnd`: onTestFinished of vitest. */
export function starter(atEnd: (stop: () => Promise<void>) => void): typeof startMaster {
  return async (...args) => {
    const master = await startMaster(...args);
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopped ??= master.stop());
    atEnd(stop);
    return { ...master, stop };
  };
}

/** Status and text of the answer to a call, as `200 `; to a GET without one. */
export async function answerOf(master: RunningMaster, path: string, call?: unknown): Promise<string> {
  const reply = await (call === undefined
    ? master.http.request({ method: 'GET', url: master.url + path })
    : post(master, path, call));
  return `${reply.status} ${await reply.text()}`;
}

type TestOffer = Awaited<ReturnType<TestScheduler['offer']>>;

/** A running task `t1` on the only agent, of a scheduler that has been offered what the task left; `first`: what it was offered before. */
export async function withTask(
  master: RunningMaster,
  framework: Partial<FrameworkInfo> = {},
): Promise<{ readonly agent: TestAgent; readonly scheduler: TestScheduler; readonly first: TestOffer }> {
  const agent = await TestAgent.subscribe(master);
  const info = { failover_timeout: 60, checkpoint: true, ...framework };
  const scheduler = await TestScheduler.subscribe(master, info);
  master.clock.advance(1);
  const offer = await scheduler.offer();
  await scheduler.call('ACCEPT', {
    offer_ids: [offer.id],
    operations: [{ type: 'LAUNCH', launch: { task_infos: [task('t1', agent.id)] } }],
    filters: { refuse_seconds: 0 },
  });
  await agent.update(scheduler.id, 't1', 'TASK_RUNNING');
  await scheduler.status();
  master.clock.advance(1000);
  await scheduler.offer();
  return { agent, scheduler, first: offer };
}
