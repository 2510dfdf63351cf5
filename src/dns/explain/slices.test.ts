import { describe, expect, it } from 'vitest';
import type { CatalogTask, CatalogVersion, Service } from '../../cluster/index.ts';
import { namesOf } from '../served.ts';
import { dnsConfigSchema } from '../config.ts';
import { task, version } from '../testing/catalog.ts';
import { decoded, queryBytes } from '../testing/message.ts';
import { MESOS_SETTINGS } from '../testing/zone.ts';
import { RCODE } from '../wire/index.ts';
import { taskLabel } from '../zone/records.ts';
import { explain } from './explain.ts';

/** A map that counts what is taken out of it. */
class Counted<V> extends Map<string, V> {
  taken = 0;

  override *values(): MapIterator<V> {
    for (const value of super.values()) {
      this.taken++;
      yield value;
    }
  }
}

const TASKS = 100_000;

function large(): { current: CatalogVersion; tasks: Counted<CatalogTask>; services: Counted<Service> } {
  const tasks = new Counted<CatalogTask>();
  const services = new Counted<Service>();
  for (let i = 0; i < TASKS; i++) {
    const t = task(`app-${i}.1`);
    tasks.set(t.key, t);
    const key = `marathon/app-${i}`;
    const instances: never[] = [];
    services.set(key, {
      key,
      frameworkName: 'marathon',
      name: `app-${i}`,
      declared: true,
      labels: new Map(),
      ports: [],
      instances,
    });
  }
  return { current: { ...version(1), tasks, services }, tasks, services };
}

describe('an explanation in a cluster of 100,000 tasks', () => {
  const { current, tasks, services } = large();
  const names = namesOf(dnsConfigSchema.parse({}));
  const work = (name: string, rcode: number) =>
    explain(
      {
        asked: name,
        name,
        type: 1,
        client: undefined,
        message: { ...decoded(queryBytes(name)), authoritative: true, rcode },
        zone: 'mesos.',
        stale: false,
        ready: true,
        types: [],
        count: 0,
        most: 0,
      },
      {
        current,
        names: {
          ...names,
          labelOf: (t) => taskLabel(t, MESOS_SETTINGS.rule),
          ipSources: ['netinfo', 'host'],
        },
        settings: MESOS_SETTINGS,
        copies: [],
        vips: () => [],
        setAside: () => [],
        unservable: () => [],
        outside: () => undefined,
        isOurs: () => true,
      },
    );

  it.each([
    // Nothing has that name: the names of all services are looked at.
    ['app-12345x.marathon.mesos.', RCODE.NXDOMAIN],
    // What the first look cannot tell from any other: every task begins like it.
    ['app-.marathon.mesos.', RCODE.NXDOMAIN],
  ])('%s: no step looks at more than 128 tasks or services', (name, rcode) => {
    const steps = work(name, rcode);
    let most = 0;
    let count = 0;
    for (;;) {
      const before = tasks.taken + services.taken;
      const step = steps.next();
      most = Math.max(most, tasks.taken + services.taken - before);
      count++;
      if (step.done === true) {
        if (name.includes('12345')) expect(step.value.near).toContain('app-12345.marathon.mesos.');
        break;
      }
    }
    // 64 of one kind, and where one walk ends and the next begins as many of the other.
    expect(most).toBeLessThanOrEqual(128);
    expect(count).toBeGreaterThan(TASKS / 64);
  });
});
