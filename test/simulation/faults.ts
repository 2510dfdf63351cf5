import type { Cluster } from './cluster.ts';
import { block, bounce, MASTER_FAULTS } from './master-faults.ts';
import { at, during } from './step.ts';
import type { Kind, Step } from './step.ts';

/** Nothing passes for a while between `name` and any master. */
function partition(c: Cluster, s: Step, name: string, way: 'both' | 'there' | 'back'): void {
  const pairs = c.masters.flatMap((m): [string, string][] => {
    const there: [string, string] = [name, m.name];
    const back: [string, string] = [m.name, name];
    return way === 'both' ? [there, back] : [way === 'there' ? there : back];
  });
  block(c, s, pairs);
}

/** What fails. */
export const FAULTS: Readonly<Record<string, Kind>> = {
  ...MASTER_FAULTS,
  'crash-agent': { calm: 4, wild: 4, ms: [10, 30_000], run: (c, s) => bounce(c, s, at(c.agents, s.who)) },
  'crash-marathon': { calm: 3, wild: 3, ms: [10, 20_000], run: (c, s) => bounce(c, s, c.marathon) },
  'crash-watch': { calm: 1, wild: 1, ms: [10, 5_000], run: (c, s) => bounce(c, s, c.watch) },
  // a service manager that restarts it
  stop: {
    calm: 3,
    wild: 3,
    ms: [10, 20_000],
    run(c, s) {
      const node = at(c.nodes, s.who);
      node?.stop();
      c.world.after(s.ms, () => node?.restart());
    },
  },
  pause: {
    calm: 3,
    wild: 3,
    ms: [1_000, 40_000],
    run(c, s) {
      const process = at(c.nodes, s.who)?.process;
      c.world.say(process?.name ?? '', 'is paused');
      during(
        c,
        s,
        () => process?.pause(),
        () => process?.resume(),
      );
    },
  },
  cut: {
    calm: 4,
    wild: 4,
    ms: [0, 0],
    run(c, s) {
      const all = c.network.connections;
      c.world.say('network', 'connections are cut');
      for (const one of all) if (c.world.chance(0.1 + s.share)) one.cut();
    },
  },
  partition: {
    calm: 3,
    wild: 4,
    ms: [500, 35_000],
    run(c, s) {
      const name = at([c.marathon, ...c.agents, c.watch], s.who)?.name ?? '';
      partition(c, s, name, 'both');
    },
  },
  'one-way': {
    calm: 3,
    wild: 4,
    ms: [500, 35_000],
    run(c, s) {
      const name = at([c.marathon, ...c.agents, c.watch], s.who)?.name ?? '';
      partition(c, s, name, s.share < 0.5 ? 'there' : 'back');
    },
  },
  'long-partition': {
    calm: 0,
    wild: 2,
    ms: [60_000, 240_000],
    run(c, s) {
      const name = at([c.marathon, ...c.agents], s.who)?.name ?? '';
      partition(c, s, name, s.share < 0.6 ? 'both' : s.share < 0.8 ? 'there' : 'back');
    },
  },
  slow: {
    calm: 2,
    wild: 3,
    ms: [5_000, 60_000],
    run: (c, s) =>
      during(
        c,
        s,
        () => void (c.network.weather.maxDelayMs = 2_000),
        () => void (c.network.weather.maxDelayMs = 20),
      ),
  },
  lossy: {
    calm: 2,
    wild: 3,
    ms: [5_000, 60_000],
    run: (c, s) =>
      during(
        c,
        s,
        () => void (c.network.weather.loss = 0.1),
        () => void (c.network.weather.loss = 0),
      ),
  },
  duplicates: {
    calm: 2,
    wild: 3,
    ms: [5_000, 60_000],
    run: (c, s) =>
      during(
        c,
        s,
        () => void (c.network.weather.duplicates = 0.1),
        () => void (c.network.weather.duplicates = 0),
      ),
  },
  'slow-disk': {
    calm: 2,
    wild: 2,
    ms: [5_000, 40_000],
    run(c, s) {
      const health = at(c.nodes, s.who)?.disk.health;
      if (health)
        during(
          c,
          s,
          () => void (health.slowMs = 1_500),
          () => void (health.slowMs = 5),
        );
    },
  },
  'bad-disk': {
    calm: 0,
    wild: 2,
    ms: [2_000, 30_000],
    run(c, s) {
      const node = at(c.nodes, s.who);
      const { health } = node?.disk ?? {};
      c.world.say(node?.name ?? '', 'disk fails now and then');
      if (health)
        during(
          c,
          s,
          () => void (health.failing = 0.1 + 0.9 * s.share),
          () => void (health.failing = 0),
        );
    },
  },
  'clock-step': {
    calm: 2,
    wild: 2,
    ms: [0, 0],
    run(c, s) {
      at(c.nodes, s.who)?.stepClock((s.share - 0.5) * 2 * 3_600_000);
    },
  },
  reboot: {
    calm: 0,
    wild: 2,
    ms: [5_000, 120_000],
    run(c, s) {
      const agent = at(c.agents, s.who);
      if (!agent) return;
      c.world.say(agent.name, 'loses power');
      during(
        c,
        s,
        () => {
          c.network.powerOff(agent.name);
          agent.crash();
          agent.host.reboot();
        },
        () => {
          c.network.powerOn(agent.name);
          agent.start();
        },
      );
    },
  },
  'task-ends': {
    calm: 0,
    wild: 4,
    ms: [0, 0],
    run(c, s) {
      const agent = at(c.agents, s.who);
      const process = at(agent?.host.running ?? [], Math.floor(s.share * 100));
      if (process)
        agent?.host.end(
          process,
          s.share < 0.5 ? { kind: 'exited', code: s.who % 2 } : { kind: 'signaled', signal: 9 },
        );
    },
  },
  stranger: { calm: 1, wild: 1, ms: [0, 0], run: (c, s) => at(c.agents, s.who)?.host.stranger() },
};
