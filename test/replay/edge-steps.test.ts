import { Resolver } from 'node:dns/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { Health } from '../../src/core/health.ts';
import { silentLogger } from '../../src/core/log.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { systemRandom } from '../../src/core/random.ts';
import { clusterConfigSchema, createCluster } from '../../src/cluster/index.ts';
import { createDns, dnsConfigSchema } from '../../src/dns/index.ts';
import { createLoadBalancer, lbConfigSchema } from '../../src/lb/index.ts';
import { createPortableReactor } from '../../src/net/index.ts';
import { eventually } from '../support/eventually.ts';
import { recordedEvents } from '../support/replay-captures.ts';
import { ReplayMaster } from '../support/replay-master.ts';

// The whole edge in front of what a real Mesos sent: after every single event, the names that a resolver of other
// people's making finds and the routes of the load balancer are what the events so far say, by a count of our own here.

interface Row {
  name: string;
  readonly framework: string;
  readonly agent: string;
  state: string;
}

/** What the events say, kept in the plainest way. */
class Tally {
  readonly tasks = new Map<string, Row>();
  readonly seen = new Set<string>();
  readonly #agents = new Set<string>();

  take(event: Json): void {
    const type = String(event['type']);
    const body = (event[type.toLowerCase()] ?? {}) as Json;
    if (type === 'TASK_ADDED') this.#added(body['task']);
    else if (type === 'TASK_UPDATED') {
      const task = this.tasks.get(body['status'].task_id.value);
      if (task) task.state = body['state'];
      // A real master says no more than this when it gives up an agent.
      if (task && String(body['status'].reason).startsWith('REASON_AGENT_REMOVED'))
        this.#agents.delete(task.agent);
    } else if (type === 'AGENT_ADDED') {
      this.#agents.add(body['agent'].agent_info.id.value);
    } else if (type === 'FRAMEWORK_REMOVED') {
      this.#drop((row) => row.framework === body['framework_info'].id.value);
    } else if (type === 'AGENT_REMOVED') this.#drop((row) => row.agent === body['agent_id'].value);
  }

  #added(task: Json): void {
    const framework = task['framework_id'].value as string;
    const label = String(task['discovery']?.name ?? task['name'])
      .toLowerCase()
      .replaceAll(/[._]/g, '-');
    const name = `${label}.${framework.endsWith('0000') ? 'marathon' : 'chronos'}.mesos`;
    this.seen.add(name);
    this.tasks.set(task['task_id'].value, {
      name,
      framework,
      agent: task['agent_id'].value,
      state: task['state'],
    });
  }

  #drop(gone: (row: Row) => boolean): void {
    for (const [id, row] of this.tasks) if (gone(row)) this.tasks.delete(id);
  }

  /** A task is only shown together with its agent: a real master sends TASK_ADDED before AGENT_ADDED. */
  #shown(name: string): Row[] {
    return [...this.tasks.values()].filter((t) => t.name === name && this.#agents.has(t.agent));
  }

  running(name: string): number {
    return this.#shown(name).filter((t) => t.state === 'TASK_RUNNING').length;
  }

  phases(name: string): string[] {
    const phase = new Map([
      ['TASK_RUNNING', 'up'],
      ['TASK_KILLING', 'draining'],
    ]);
    return this.#shown(name)
      .flatMap((t) => phase.get(t.state) ?? [])
      .sort();
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- recorded JSON, read as it is
type Json = Record<string, any>;

/** Give the recorded web tasks the labels of marathon-lb; nothing else about them changes. */
function withRoute(event: Json): Json {
  const task = event['task_added']?.task as Json | undefined;
  if (task?.['name'] !== 'web') return event;
  const labels = [
    ...(task['labels']?.labels ?? []),
    { key: 'HAPROXY_GROUP', value: 'external' },
    { key: 'HAPROXY_0_VHOST', value: 'web.example.test' },
  ];
  return { ...event, task_added: { task: { ...task, labels: { labels } } } };
}

describe('the edge, one recorded event after the other', () => {
  let master: ReplayMaster;
  let stop: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    master = await new ReplayMaster().listen();
  });
  afterEach(async () => {
    for (const s of stop.reverse()) await s();
    stop = [];
    await master.close();
  });

  const startEdge = async (): Promise<{ dnsPort: number; admin: string; events: () => Promise<number> }> => {
    const metrics = new Metrics();
    const around = { clock: systemClock, random: systemRandom, log: silentLogger };
    const reactor = createPortableReactor({ clock: systemClock, log: silentLogger });
    const cluster = createCluster({
      ...around,
      config: clusterConfigSchema.parse({ masters: [master.address] }),
      metrics,
      health: new Health(),
    });
    const { catalog } = cluster;
    const own = { ...around, catalog, reactor };
    const dns = createDns({
      ...own,
      // As Mesos-DNS: a task that is being killed has no names, also when it is the last one.
      config: dnsConfigSchema.parse({ port: 0, httpOn: false, externalOn: false, health: 'include' }),
      metrics: new Metrics(),
      health: new Health(),
    });
    const lb = createLoadBalancer({
      ...own,
      config: lbConfigSchema.parse({ http: { port: 0 }, admin: { port: 0 } }),
      metrics: new Metrics(),
      health: new Health(),
    });
    for (const part of [cluster, dns, lb]) {
      await part.start();
      stop.push(() => part.stop());
    }
    const events = async (): Promise<number> =>
      Number(/^rimrock_cluster_events_total (\d+)/m.exec(await metrics.text())?.[1]);
    return {
      dnsPort: dns.addresses.udp.port,
      admin: `http://127.0.0.1:${lb.addresses.admin.port}`,
      events,
    };
  };

  it('has the right names, endpoints and routes at every step', async () => {
    const stream = master.nextStream();
    const edge = await startEdge();
    await stream;
    const resolver = new Resolver({ tries: 1 });
    resolver.setServers([`127.0.0.1:${edge.dnsPort}`]);
    const found = (name: string): Promise<boolean> =>
      resolver.resolve4(name).then(
        (addresses) => addresses.length > 0,
        () => false,
      );
    const count = (name: string): Promise<number> =>
      resolver.resolveSrv(name).then(
        (records) => records.length,
        () => 0,
      );
    const routes = async (): Promise<Json[]> =>
      ((await (await fetch(`${edge.admin}/routes`)).json()) as { routes: Json[] }).routes;

    const tally = new Tally();
    const events = recordedEvents('operator-stream--json')
      .map((e) => e.event as Json)
      .filter((e) => e['type'] !== 'SUBSCRIBED' && e['type'] !== 'HEARTBEAT');
    const before = await eventually('the snapshot', edge.events);
    for (const [i, event] of events.entries()) {
      master.send(withRoute(event));
      tally.take(event);
      await eventually('the event to arrive', async () => (await edge.events()) >= before + i + 1);

      const expected = {
        names: [...tally.seen].filter((name) => tally.running(name) > 0).sort(),
        srv: tally.running('web.marathon.mesos'),
        phases: tally.phases('web.marathon.mesos'),
      };
      await eventually(
        `step ${i}, ${String(event['type'])}, to give ${JSON.stringify(expected)}`,
        async (): Promise<unknown> => {
          const names: string[] = [];
          for (const name of tally.seen) if (await found(name)) names.push(name);
          const route = (await routes()).find((r) => r['host'] === 'web.example.test');
          const endpoints = (route?.['endpoints'] ?? []) as Json[];
          const phases = endpoints.map((e) => String(e['phase'])).filter((p) => p !== 'waiting');
          return {
            names: names.sort(),
            srv: await count('_http._web._tcp.marathon.mesos'),
            phases: phases.sort(),
          };
        },
        { accept: (now) => JSON.stringify(now) === JSON.stringify(expected) },
      );
    }
    expect(events.length).toBeGreaterThan(80);
    expect(tally.tasks.size).toBe(0);
  });
});
