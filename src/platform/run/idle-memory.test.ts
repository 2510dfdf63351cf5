import { expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { tendIdleMemory } from './idle-memory.ts';

const MIB = 2 ** 20;

function tended(mib: number) {
  const clock = new FakeClock();
  const memory = { mib, live: mib, told: [] as string[] };
  const stop = tendIdleMemory(
    {
      used: () => memory.mib * MIB,
      collect: () => {
        memory.told.push('collect');
        memory.mib = memory.live;
      },
      giveBack: () => void memory.told.push('give back'),
    },
    clock,
  );
  const after = (looks: number): string[] => {
    for (let i = 0; i < looks; i++) clock.advance(500);
    return memory.told.splice(0);
  };
  return { clock, memory, stop, after };
}

it('what came together at the start is collected once it is quiet, and given back when that is done', () => {
  const { memory, after } = tended(30);
  memory.live = 25;
  expect(after(2)).toEqual(['collect']);
  expect(after(1)).toEqual([]);
  expect(after(1)).toEqual(['give back']);
  expect(after(300)).toEqual([]);
});

it('what the work after a large collection took is given back once more, and what the start took where there was none', () => {
  const { memory, after } = tended(10);
  expect(after(11)).toEqual([]);
  expect(after(1)).toEqual(['give back']);
  memory.mib += 100;
  memory.live = memory.mib - 50;
  expect(after(7)).toEqual(['collect', 'collect', 'give back']);
  expect(after(11)).toEqual([]);
  expect(after(1)).toEqual(['give back']);
  expect(after(300)).toEqual([]);
});

it('nothing is done while memory changes, up or down', () => {
  const { memory, after } = tended(30);
  after(20);
  for (let i = 0; i < 30; i++) {
    memory.mib += i % 4 === 3 ? -20 : 10;
    expect(after(1)).toEqual([]);
  }
  memory.live = memory.mib - 20;
  expect(after(7)).toEqual(['collect', 'collect', 'give back']);
});

it('a little growth is left alone, some waits for a minute since the last time, and much does not', () => {
  const { memory, after } = tended(100);
  expect(after(18)).toEqual(['collect', 'collect', 'give back', 'give back']);
  memory.mib += 10;
  expect(after(200)).toEqual([]);
  memory.live = memory.mib + 90;
  memory.mib += 100;
  expect(after(19)).toEqual(['collect', 'collect', 'give back', 'give back']);
  memory.mib += 40;
  expect(after(60)).toEqual([]);
  expect(after(52)).toEqual(['collect', 'collect', 'give back']);
});

it('a heap so large that the end of a collection would be felt is left to the collector', () => {
  const { memory, after } = tended(290);
  expect(after(18)).toEqual(['collect', 'collect', 'give back', 'give back']);
  memory.mib = 700;
  expect(after(300)).toEqual([]);
});

it('ends when told to', () => {
  const { clock, stop, after } = tended(100);
  stop();
  expect(after(100)).toEqual([]);
  expect(clock.pending).toBe(0);
});
