import type { Cluster } from './cluster.ts';
import { CONSUL } from './consul.ts';
import type { MasterNode, Node } from './nodes.ts';
import { at, during } from './step.ts';
import type { Kind, Step } from './step.ts';

export function bounce(cluster: Cluster, step: Step, node: Node | undefined): void {
  node?.crash();
  cluster.world.after(step.ms, () => node?.start());
}

export function block(cluster: Cluster, step: Step, pairs: readonly (readonly [string, string])[]): void {
  const { network } = cluster;
  cluster.world.say('network', `nothing passes ${pairs.map((p) => p.join(' > ')).join(', ')}`);
  during(
    cluster,
    step,
    () => pairs.forEach(([a, b]) => network.block(a, b)),
    () => {
      cluster.world.say('network', `passes again ${pairs.map((p) => p.join(' > ')).join(', ')}`);
      pairs.forEach(([a, b]) => network.unblock(a, b));
    },
  );
}

/** Mostly the one that leads: with the others little is lost. */
const oneOf = (c: Cluster, { who, share }: Step): MasterNode | undefined =>
  share < 0.7 ? (c.leader ?? at(c.masters, who)) : at(c.masters, who);

/** Nothing passes for a while between a master and others, in both directions or in one. */
function cutOff(c: Cluster, s: Step, master: string, others: readonly string[]): void {
  const there = others.map((o): [string, string] => [master, o]);
  const back = others.map((o): [string, string] => [o, master]);
  block(c, s, s.who % 4 === 0 ? there : s.who % 4 === 1 ? back : [...there, ...back]);
}

/** The process of a master stands still for a while, in one way or another. */
function stopping(
  says: string,
  often: Pick<Kind, 'calm' | 'wild' | 'ms'>,
  stop: (process: NonNullable<MasterNode['process']>) => void,
): Kind {
  return {
    many: true,
    ...often,
    run(c, s) {
      const process = oneOf(c, s)?.process;
      c.world.say(process?.name ?? '', says);
      during(
        c,
        s,
        () => process && stop(process),
        () => process?.resume(),
      );
    },
  };
}

/** What fails of masters, and of what elects them. */
export const MASTER_FAULTS: Readonly<Record<string, Kind>> = {
  'crash-master': { calm: 3, wild: 3, ms: [10, 20_000], run: (c, s) => bounce(c, s, oneOf(c, s)) },
  'pause-master': stopping('is paused', { calm: 4, wild: 4, ms: [1_000, 40_000] }, (node) => node.pause()),
  // what it was about to say it says when it goes on, before it hears of anything
  'pause-at-work': {
    many: true,
    calm: 4,
    wild: 4,
    ms: [5_000, 20_000],
    run(c, s) {
      const process = oneOf(c, s)?.process;
      // mostly not what it does every second, which seldom has anything to say
      process?.pauseAtWork(s.who % 4 === 0 ? 1_000 : 10_000, () => {
        c.world.say(process.name, 'is paused at work');
        c.world.after(s.ms, () => process.resume());
      });
    },
  },
  // its monotonic clock stands still, and the wall clock does not
  'sleeping-master': stopping('sleeps', { calm: 3, wild: 3, ms: [2_000, 20_000] }, (node) => node.sleep()),
  // by its wall clock no time has passed
  'set-back-master': {
    many: true,
    calm: 3,
    wild: 3,
    ms: [2_000, 20_000],
    run(c, s) {
      const master = oneOf(c, s);
      const { process } = master ?? {};
      if (!master || !process || process.asleep) return;
      c.world.say(process.name, 'is paused, and its clock set back');
      process.pause();
      c.world.after(s.ms, () => {
        master.stepClock(-s.ms);
        process.resume();
      });
    },
  },
  // what it writes arrives when another one leads, or the answer to it gets lost
  'late-write': {
    many: true,
    calm: 3,
    wild: 3,
    ms: [3_000, 14_000],
    run(c, s) {
      const one = oneOf(c, s);
      if (!one) return;
      block(c, s, [s.who % 3 === 0 ? [CONSUL, one.name] : [one.name, CONSUL]]);
      c.operator.weigh(0.5 + s.share);
    },
  },
  // who wrote cannot know whether it did
  'lost-write': {
    many: true,
    calm: 2,
    wild: 2,
    ms: [0, 0],
    run(c, s) {
      c.consul?.loseAnswer();
      c.operator.weigh(0.5 + s.share);
    },
  },
  // it is elected as it was, and hears nobody
  'master-alone': {
    many: true,
    calm: 2,
    wild: 3,
    ms: [500, 35_000],
    run(c, s) {
      const one = oneOf(c, s);
      const others = c.nodes.filter((n) => n !== one).map((n) => n.name);
      if (one) cutOff(c, s, one.name, others);
    },
  },
  // everybody hears it, and it is to know that it leads no more
  'master-without-store': {
    many: true,
    calm: 4,
    wild: 4,
    ms: [500, 40_000],
    run(c, s) {
      const one = oneOf(c, s);
      if (one) cutOff(c, s, one.name, [CONSUL]);
    },
  },
  'store-away': {
    many: true,
    calm: 1,
    wild: 1,
    ms: [500, 30_000],
    run(c, s) {
      const pairs = c.nodes.flatMap(({ name }): [string, string][] => [
        [name, CONSUL],
        [CONSUL, name],
      ]);
      block(c, s, pairs);
    },
  },
  'session-ends': { many: true, calm: 1, wild: 1, ms: [0, 0], run: (c) => c.consul?.endSession() },
};
