import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pause } from '../support/eventually.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { canSeeProcesses, footprint, processesMarked } from '../support/processes.ts';

// Idle, the whole platform costs little: that is what makes it pleasant on a laptop.

const MEASURE_SECONDS = 10;
const MAX_RSS_MB = 250;
const MAX_CPU_PERCENT = 2;

describe.skipIf(!canSeeProcesses)('an idle platform (needs /proc)', () => {
  let site: Site;
  let platform: Running;

  beforeAll(async () => {
    site = await Site.make();
    platform = await site.start('up');
  });
  afterAll(() => site.close());

  it(`stays under ${MAX_RSS_MB} MB and ${MAX_CPU_PERCENT} % of a core`, { timeout: 60_000 }, async () => {
    await pause(2_000); // the work of starting is not idling
    const all = (): { rss: number; cpu: number } => {
      const parts = processesMarked(site.data).map((p) => footprint(p.pid));
      return {
        rss: parts.reduce((n, p) => n + (p?.rssBytes ?? 0), 0) / 2 ** 20,
        cpu: parts.reduce((n, p) => n + (p?.cpuSeconds ?? 0), 0),
      };
    };
    const before = all();
    await pause(MEASURE_SECONDS * 1000);
    const after = all();
    const percent = ((after.cpu - before.cpu) / MEASURE_SECONDS) * 100;
    console.log(`idle: ${after.rss.toFixed(0)} MB resident, ${percent.toFixed(2)} % of a core`);
    expect(footprint(platform.pid)).toBeDefined();
    expect(after.rss).toBeGreaterThan(10);
    expect(after.rss).toBeLessThan(MAX_RSS_MB);
    expect(percent).toBeLessThan(MAX_CPU_PERCENT);
  });
});
