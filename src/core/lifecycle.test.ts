import { describe, expect, it } from 'vitest';
import { Lifecycle } from './lifecycle.ts';
import type { Component } from './lifecycle.ts';
import { silentLogger } from './log.ts';

function recorder(): {
  readonly said: string[];
  readonly part: (name: string, faults?: { readonly start?: Error; readonly stop?: Error }) => Component;
} {
  const said: string[] = [];
  return {
    said,
    part: (name, faults = {}) => ({
      name,
      async start() {
        said.push(`start ${name}`);
        await Promise.resolve();
        if (faults.start) throw faults.start;
      },
      async stop() {
        said.push(`stop ${name}`);
        await Promise.resolve();
        if (faults.stop) throw faults.stop;
      },
    }),
  };
}

describe('Lifecycle', () => {
  it('starts in order and stops in the opposite order, once', async () => {
    const { said, part } = recorder();
    const lifecycle = new Lifecycle([part('a'), part('b'), part('c')], silentLogger);
    await lifecycle.start();
    await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    await lifecycle.stop();
    expect(said).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
  });

  it('stops the earlier parts when one fails to start, and says why', async () => {
    const { said, part } = recorder();
    const boom = new Error('port in use');
    const lifecycle = new Lifecycle([part('a'), part('b', { start: boom }), part('c')], silentLogger);
    await expect(lifecycle.start()).rejects.toBe(boom);
    expect(said).toEqual(['start a', 'start b', 'stop a']);
  });

  it('stops the others when one fails to stop', async () => {
    const { said, part } = recorder();
    const lifecycle = new Lifecycle([part('a'), part('b', { stop: new Error('stuck') })], silentLogger);
    await lifecycle.start();
    await lifecycle.stop();
    expect(said).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('lets a part finish starting before it stops it, and starts no other', async () => {
    const { said, part } = recorder();
    const gate = Promise.withResolvers<void>();
    const slow: Component = {
      name: 'slow',
      start: async () => {
        await gate.promise;
        said.push('slow started');
      },
      stop: async () => void said.push('stop slow'),
    };
    const lifecycle = new Lifecycle([part('a'), slow, part('c')], silentLogger);
    const started = lifecycle.start();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    const stopped = lifecycle.stop();
    gate.resolve();
    await Promise.all([started, stopped]);
    expect(said).toEqual(['start a', 'slow started', 'stop slow', 'stop a']);
  });

  it('ends well when told to stop while a part fails to start', async () => {
    const { said, part } = recorder();
    const gate = Promise.withResolvers<void>();
    const failing: Component = {
      name: 'f',
      start: () => gate.promise,
      stop: async () => void said.push('stop f'),
    };
    const lifecycle = new Lifecycle([part('a'), failing], silentLogger);
    const started = lifecycle.start();
    for (let i = 0; i < 10; i++) await Promise.resolve();
    const stopped = lifecycle.stop();
    gate.reject(new Error('no'));
    await expect(started).rejects.toThrow('no');
    await stopped;
    expect(said).toEqual(['start a', 'stop a']);
  });
});
