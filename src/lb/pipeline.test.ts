import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pipeline } from './pipeline.ts';

describe('the pipeline', () => {
  it('names files that exist, each step once, with a reason', () => {
    expect(new Set(pipeline.map((s) => s.name)).size).toBe(pipeline.length);
    for (const step of pipeline) {
      expect(existsSync(new URL(step.file, import.meta.url)), step.file).toBe(true);
      expect(step.why.length).toBeGreaterThan(40);
    }
  });

  it('judges before it routes, and routes before it spends anything on an instance', () => {
    expect(pipeline.map((s) => s.name)).toEqual([
      'accept',
      'read the head',
      'parse',
      'admit',
      'challenges',
      'route',
      'middlewares',
      'policy',
      'rewrite the head',
      'pick an endpoint',
      'connect or reuse',
      'send, stream the body',
      'relay the answer',
      'settle',
      'access log',
    ]);
  });
});
