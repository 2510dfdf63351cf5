import { describe, expect, it } from 'vitest';
import type { CatalogDiff, Service } from '../../cluster/index.ts';
import { task, version } from '../testing/catalog.ts';
import { zoneFor } from '../testing/zone.ts';
import type { Zone } from './zone.ts';

const none = { added: [], changed: [], removed: [] };
const nothing: CatalogDiff = {
  agents: none,
  frameworks: none,
  tasks: none,
  services: none,
  mastersChanged: false,
  staleChanged: false,
};
const service = (more: Partial<Service> = {}): Service => ({
  key: 'marathon/web',
  frameworkName: 'marathon',
  name: 'web',
  declared: true,
  labels: new Map(),
  ports: [{ number: 0, name: 'http', protocol: 'tcp', labels: new Map() }],
  instances: [],
  ...more,
});

function emptyZone(): Zone {
  const zone = zoneFor({ ipSources: ['host'] });
  zone.load(version(1));
  return zone;
}

const NAMES = ['web.marathon.mesos.', '_web._tcp.marathon.mesos.', '_http._web._tcp.marathon.mesos.'];
const kinds = (zone: Zone): string[] => NAMES.map((name) => zone.lookup(name, 'A').kind);

describe('a declared service', () => {
  it('has its names without instances, and loses them when it is gone', () => {
    const zone = emptyZone();
    const web = service();
    zone.apply(version(2), { ...nothing, services: { ...none, added: [web] } });
    expect(kinds(zone)).toEqual(['nodata', 'nodata', 'nodata']);
    const revision = zone.revision;
    zone.apply(version(3), { ...nothing, services: { ...none, removed: [web] } });
    expect(kinds(zone)).toEqual(['nxdomain', 'nxdomain', 'nxdomain']);
    expect(zone.lookup('marathon.mesos.', 'A').kind).toBe('nxdomain');
    expect(zone.revision).toBeGreaterThan(revision);
  });

  it('keeps its names when its last task leaves, and gives them up when it is no longer declared', () => {
    const zone = emptyZone();
    const web = service();
    const one = task('web.1');
    zone.apply(version(2), {
      ...nothing,
      services: { ...none, added: [web] },
      tasks: { ...none, added: [one] },
    });
    expect(zone.lookup('web.marathon.mesos.', 'A').kind).toBe('answer');
    zone.apply(version(3), { ...nothing, tasks: { ...none, removed: [one] } });
    expect(kinds(zone)).toEqual(['nodata', 'nodata', 'nodata']);
    const undeclared = service({ declared: false });
    zone.apply(version(4), {
      ...nothing,
      services: { ...none, changed: [{ before: web, after: undeclared }] },
    });
    expect(kinds(zone)).toEqual(['nxdomain', 'nxdomain', 'nxdomain']);
  });
});
