import { describe, expect, it } from 'vitest';
import { agent, framework, task, version } from '../testing/catalog.ts';
import { Ledger, fromScratch, lineOf } from '../testing/ledger.ts';
import { MesosNames } from '../zone/publish/mesos.ts';
import type { Change, Publisher } from '../zone/publisher.ts';
import { RFC1123 } from '../zone/labels.ts';
import { CopiedNames } from './copied-names.ts';

/** The copy of what a publisher says in one step. */
function copyOf(change: Change, domain = 'mesos'): Change {
  const one: Publisher = { name: 'one', step: () => [change] };
  const catalog = version(1);
  const none = { added: [], changed: [], removed: [] };
  const diff = {
    agents: none,
    frameworks: none,
    tasks: none,
    services: none,
    mastersChanged: false,
    staleChanged: false,
  };
  const [copy] = new CopiedNames(one, domain).step(catalog, diff);
  return copy as Change;
}

describe('names copied from Mesos-DNS', () => {
  it('have the other domain, TTL 5, and SRV priority and weight 1', () => {
    const { after } = copyOf({
      before: [],
      after: [
        { name: 'web.marathon.mesos.', type: 'A', host: '10.0.0.1' },
        {
          name: '_web._tcp.marathon.mesos.',
          type: 'SRV',
          host: 'web-x-s1.marathon.mesos.:80',
          weight: 0,
          ttlSeconds: 60,
        },
        { name: '_out._tcp.mesos.', type: 'SRV', host: 'example.test.:80' },
        { name: 'alias.mesos.', type: 'CNAME', host: 'leader.mesos.' },
        { name: 'mesos.', type: 'TXT', host: 'x.mesos.' },
        { name: '1.0.0.10.in-addr.arpa.', type: 'PTR', host: 'web.marathon.mesos.' },
        { name: 'notmesos.', type: 'A', host: '10.0.0.2' },
      ],
    });
    expect(after.map(lineOf)).toEqual([
      'web.marathon.mesos.thisdcos.directory. A 10.0.0.1 ttl=5',
      '_web._tcp.marathon.mesos.thisdcos.directory. SRV web-x-s1.marathon.mesos.thisdcos.directory.:80 weight=0 priority=1 ttl=5',
      '_out._tcp.mesos.thisdcos.directory. SRV example.test.:80 weight=1 priority=1 ttl=5',
      'alias.mesos.thisdcos.directory. CNAME leader.mesos.thisdcos.directory. ttl=5',
      'mesos.thisdcos.directory. TXT x.mesos. ttl=5',
    ]);
  });

  it('are copied with names that have no records, and with limits', () => {
    const copy = copyOf({
      before: [],
      after: [],
      namesBefore: ['a.mesos.'],
      namesAfter: ['b.mesos.', 'c.example.'],
      limits: [
        { name: 'b.mesos.', answers: 2 },
        { name: 'c.example.', answers: 3 },
      ],
    });
    expect(copy).toEqual({
      before: [],
      after: [],
      namesBefore: ['a.mesos.thisdcos.directory.'],
      namesAfter: ['b.mesos.thisdcos.directory.'],
      limits: [{ name: 'b.mesos.thisdcos.directory.', answers: 2 }],
    });
  });

  it('are every name of the real one', () => {
    const settings = {
      domain: 'mesos',
      rule: RFC1123,
      ipSources: ['netinfo' as const, 'host' as const],
      srvWeight: 1,
      mname: 'ns1.mesos.',
      listenerIps: ['10.9.9.9'],
      health: 'exclude' as const,
      networkNames: true,
      ptr: true,
    };
    const catalog = version(1, {
      agents: [agent()],
      frameworks: [framework({ pidPort: 4000 })],
      tasks: [task('web.1', { ports: [31000], netinfoIps: ['9.0.0.1'] })],
      leader: { ip: '10.0.0.9', port: 5050 },
    });
    const original = fromScratch([new MesosNames(settings)], catalog)
      .lines()
      .filter((l) => !l.includes('.arpa.'));
    const copy: Ledger = fromScratch([new CopiedNames(new MesosNames(settings), 'mesos')], catalog);
    const names = (lines: string[]): string[] => lines.map((l) => l.split(' ').slice(0, 2).join(' ')).sort();
    expect(original.length).toBeGreaterThan(10);
    expect(names(copy.lines())).toEqual(
      names(original.map((l) => l.replace(/mesos\. /, 'mesos.thisdcos.directory. '))),
    );
  });
});
