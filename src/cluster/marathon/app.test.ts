import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readApp, serviceNameOf } from './app.ts';
import { AppsReader } from './apps-reader.ts';
import { EventLines, hintOf } from './events.ts';

const CHECK = {
  protocol: 'HTTP',
  path: '/well',
  intervalSeconds: 5,
  timeoutSeconds: 2,
  maxConsecutiveFailures: 3,
};

/** What is read of an app. */
function read(json: Record<string, unknown>) {
  const result = readApp({ id: '/shop/web', ...json }, 'here');
  if (!result.ok) throw new Error(result.reason);
  const { declaration, alive } = result.app;
  return {
    ...declaration,
    labels: Object.fromEntries(declaration.labels),
    ports: declaration.ports.map(({ labels: _, number: __, ...port }) => port),
    alive: Object.fromEntries(alive),
  };
}

describe('apps of Marathon', () => {
  it('are named as their tasks are, with the labels that somebody reads', () => {
    expect(serviceNameOf('/shop/web')).toBe('web.shop');
    const labels = { HAPROXY_GROUP: 'external', 'rimrock.group': 'x', team: 'a', HAPROXY_0_PORT: 7 };
    expect(read({ labels })).toEqual({
      name: 'web.shop',
      labels: { HAPROXY_GROUP: 'external', 'rimrock.group': 'x' },
      ports: [],
      alive: {},
    });
  });

  it('have their service ports where their age and networking put them', () => {
    const http = { name: 'http', protocol: 'tcp', servicePort: 10_001 };
    const mapped = { ...http, containerPort: 80, hostPort: 0 };
    expect(read({ container: { portMappings: [mapped] } }).ports).toEqual([http]);
    expect(read({ container: { docker: { portMappings: [mapped] } } }).ports).toEqual([http]);
    const defined = { name: 'http', protocol: 'tcp', port: 10_001 };
    expect(read({ portDefinitions: [defined], ports: [10_001] }).ports).toEqual([http]);
    expect(read({ ports: [10_001, 0] }).ports).toEqual([
      { name: '', protocol: 'tcp', servicePort: 10_001 },
      { name: '', protocol: 'tcp' },
    ]);
    // Those are ports of agents.
    expect(read({ portDefinitions: [defined], requirePorts: true }).ports).toEqual([
      { name: 'http', protocol: 'tcp' },
    ]);
  });

  it('have the first check of each port that others can run, and verdicts where Marathon runs it', () => {
    const portDefinitions = [{ port: 1 }, { port: 2 }, { port: 3 }];
    const healthChecks = [
      { protocol: 'MESOS_HTTP', path: '/', portIndex: 2 },
      CHECK,
      { ...CHECK, path: '/second' },
      { protocol: 'TCP', portIndex: 1 },
    ];
    const results = (...alive: unknown[]): unknown => alive.map((one) => ({ alive: one }));
    const tasks = [
      { id: 'good', healthCheckResults: results(true, true) },
      { id: 'bad', healthCheckResults: results(true, false) },
      { id: 'new', healthCheckResults: [] },
      { id: 'odd', healthCheckResults: results('yes') },
      { healthCheckResults: results(false) },
    ];
    const app = read({ portDefinitions, healthChecks, tasks });
    expect(app.ports.map(({ check }) => check)).toEqual([
      { kind: 'http', path: '/well', intervalMs: 5_000, timeoutMs: 2_000, failures: 4 },
      { kind: 'tcp', intervalMs: 60_000, timeoutMs: 20_000, failures: 3 },
      undefined,
    ]);
    expect(app.alive).toEqual({ good: true, bad: false });
    // Mesos knows these results itself, and sooner.
    expect(read({ healthChecks: healthChecks.slice(0, 1), tasks }).alive).toEqual({});
  });

  it('are read whatever is in them, and a bad one hurts no other', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.integer({ min: 1, max: 64 }), (others, size) => {
        const apps = [...others, { id: '/good', ports: [10_000] }];
        const bytes = Buffer.from(JSON.stringify({ apps, more: [1] }));
        const reader = new AppsReader();
        for (let i = 0; i < bytes.length; i += size) reader.push(bytes.subarray(i, i + size));
        const seen = reader.end() ?? [];
        expect(seen).toHaveLength(apps.length);
        expect(seen.at(-1)).toMatchObject({
          ok: true,
          app: { id: '/good', declaration: { ports: [{ servicePort: 10_000 }] } },
        });
      }),
    );
  });

  it('half an answer is none', () => {
    for (const text of ['', '{"apps": [{"id": "/a"}', '{"apps": 7}', '[]', '<html>']) {
      const reader = new AppsReader();
      reader.push(Buffer.from(text));
      expect(reader.end()).toBe(undefined);
    }
  });
});

describe('events of Marathon', () => {
  it('say where to look; what cannot be read may be anything', () => {
    const hint = (event: unknown): unknown => hintOf(JSON.stringify(event));
    expect(hint({ eventType: 'event_stream_attached' })).toEqual({ look: 'nowhere' });
    expect(hint({ eventType: 'framework_message_event' })).toEqual({ look: 'nowhere' });
    expect(hint({ eventType: 'health_status_changed_event', appId: '/a' })).toEqual({
      look: 'app',
      id: '/a',
    });
    expect(hint({ eventType: 'api_post_event', appDefinition: { id: '/a' } })).toEqual({
      look: 'app',
      id: '/a',
    });
    expect(hint({ eventType: 'deployment_success', id: 'x' })).toEqual({ look: 'everywhere' });
    for (const odd of ['', '{"eventType":', '7', '{}']) expect(hintOf(odd)).toEqual({ look: 'everywhere' });
  });

  it('are the same however the stream is cut; a line without end takes no memory', () => {
    const text =
      ': hello\r\nevent: a\r\ndata: {"n":1}\r\n\r\n\r\ndata:{"n":2}\ndata: {"n":3}\n\ndata: ' +
      'x'.repeat(200) +
      '\r\n\r\ndata: last\r\n';
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 })), (sizes) => {
        const data: (string | undefined)[] = [];
        const lines = new EventLines((one) => data.push(one), 100);
        const bytes = Buffer.from(text);
        let at = 0;
        for (const size of [...sizes, bytes.length]) {
          lines.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(data).toEqual(['{"n":1}', '{"n":2}', '{"n":3}', undefined, 'last']);
      }),
    );
  });
});
