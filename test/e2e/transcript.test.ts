import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { Marathon } from '../support/marathon.ts';
import { curl, dig, digShort, has } from '../support/peers.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { canSeeProcesses } from '../support/processes.ts';

// The README, line by line: the real entry point under plain node, the real curl and dig, real processes as tasks.

const WITHIN_A_SECOND = { timeoutMs: 1_000, everyMs: 20 };
const SRV = '_hello._tcp.marathon.mesos';
const NAME = 'hello.marathon.mesos';

describe.skipIf(!has('dig') || !has('curl'))('the README transcript (needs dig and curl)', () => {
  let site: Site;
  let platform: Running;
  let marathon: Marathon;

  beforeAll(async () => {
    site = await Site.make();
    platform = await site.start('up');
    marathon = new Marathon(site.ports.marathon);
  });
  afterAll(() => site.close());

  const hello = (...options: string[]) =>
    curl('-H', 'Host: hello.example.test', ...options, `http://127.0.0.1:${site.ports.http}/`);

  /** The ports that DNS names, sorted. */
  const srvPorts = async (): Promise<number[]> => {
    const { answers } = await dig(site.ports.dns, SRV, 'SRV');
    return answers
      .filter((a) => a.type === 'SRV')
      .map((a) => Number(a.data.split(' ')[2]))
      .sort((a, b) => a - b);
  };

  /** The endpoints behind the route, by port, as the load balancer's own admin API tells them. */
  const routedPorts = async (): Promise<number[]> => {
    const { body } = await curl(`http://127.0.0.1:${site.ports.admin}/routes`);
    const found = new Set(
      [...body.matchAll(/127\.0\.0\.1:(\d+)|"port":\s*(\d+)/g)].map((m) => Number(m[1] ?? m[2])),
    );
    return [...found]
      .filter((p) => p >= site.ports.tasks && p < site.ports.tasks + 500)
      .sort((a, b) => a - b);
  };

  const taskPorts = async (): Promise<number[]> =>
    (await marathon.runningTasks('hello')).flatMap((t) => [...t.ports]).sort((a, b) => a - b);

  /** DNS and routes name exactly the running tasks, within a second of the end of the deployment. */
  const followed = async (instances: number): Promise<number[]> => {
    await marathon.settled();
    const ports = await taskPorts();
    expect(ports).toHaveLength(instances);
    await eventually('DNS to follow', srvPorts, {
      ...WITHIN_A_SECOND,
      accept: (seen) => String(seen) === String(ports),
    });
    await eventually('the routes to follow', routedPorts, {
      ...WITHIN_A_SECOND,
      accept: (seen) => String(seen) === String(ports),
    });
    return ports;
  };

  it('is ready within 5 seconds and says what runs where, and what to try', () => {
    expect(platform.readyMs).toBeLessThan(5_000);
    const said = platform.output();
    for (const part of ['master', 'agent', 'marathon', 'dns', 'dnsHttp', 'http', 'admin'] as const) {
      expect(said).toContain(`127.0.0.1:${site.ports[part]}`);
    }
    expect(said).toContain('curl');
    expect(said).toContain('dig');
  });

  it('answers /ready and /health on every HTTP port', async () => {
    for (const part of ['agent', 'marathon', 'dnsHttp', 'admin'] as const) {
      for (const path of ['ready', 'health', 'metrics']) {
        const { status } = await curl(`http://127.0.0.1:${site.ports[part]}/${path}`);
        expect(`${part} /${path} ${status}`).toBe(`${part} /${path} 200`);
      }
    }
    expect((await curl(`http://127.0.0.1:${site.ports.master}/ready`)).status).toBe(200);
  });

  it('says 404 for a name that nobody has routed, and NXDOMAIN for one that nobody has', async () => {
    expect((await hello()).status).toBe(404);
    expect((await dig(site.ports.dns, NAME)).status).toBe('NXDOMAIN');
  });

  it('takes the app: POST /v2/apps with the example file', async () => {
    const url = `http://127.0.0.1:${site.ports.marathon}/v2/apps`;
    const json = 'Content-Type: application/json';
    const answer = await curl('-X', 'POST', url, '-H', json, '-d', '@config/examples/hello.json');
    expect(answer).toMatchObject({ status: 201 });
    await followed(3);
  });

  it('gives its addresses to dig, over UDP and over TCP, whatever the case of the letters', async () => {
    for (const options of [[], ['+tcp'], ['+noedns']]) {
      const { status, flags, answers } = await dig(site.ports.dns, 'HeLLo.Marathon.MESOS', 'A', ...options);
      expect(status).toBe('NOERROR');
      expect(flags).toContain('aa');
      expect(answers.map((a) => a.data)).toContain('127.0.0.1');
    }
    expect(await digShort(site.ports.dns, NAME)).toContain('127.0.0.1');
    expect(await dig(site.ports.dns, NAME, 'AAAA')).toMatchObject({ status: 'NOERROR', answers: [] });
  });

  it('gives its ports to dig, with targets that resolve', async () => {
    const { status, answers } = await dig(site.ports.dns, SRV, 'SRV');
    expect(status).toBe('NOERROR');
    expect(answers).toHaveLength(3);
    for (const { data } of answers) {
      const target = data.split(' ')[3] ?? '';
      expect(await digShort(site.ports.dns, target)).toEqual(['127.0.0.1']);
    }
  });

  it('answers through the load balancer, spread over the three instances', async () => {
    // The load balancer makes the app's health check itself: an instance gets requests when it has passed once.
    await eventually('three instances that take requests', async () => {
      const { body } = await curl(`http://127.0.0.1:${site.ports.admin}/routes`);
      const { routes } = JSON.parse(body) as { routes: { endpoints: { eligibility: string }[] }[] };
      return routes.every((r) => r.endpoints.filter((e) => e.eligibility === 'eligible').length === 3);
    });
    const bodies = new Map<string, number>();
    for (let i = 0; i < 12; i++) {
      const { status, body } = await hello();
      expect(status).toBe(200);
      bodies.set(body, (bodies.get(body) ?? 0) + 1);
    }
    expect([...bodies.values()]).toEqual([4, 4, 4]);
  });

  it('explains where a request goes', async () => {
    const url = `http://127.0.0.1:${site.ports.admin}/explain?method=GET&url=http://hello.example.test/`;
    const { status, body } = await curl(url);
    expect(status).toBe(200);
    expect(body).toContain('hello');
  });

  it('is followed within a second: scale to 5, then to 2', async () => {
    await marathon.deploy('PATCH', '/apps/hello', { instances: 5 });
    const five = await followed(5);
    await marathon.deploy('PATCH', '/apps/hello', { instances: 2 });
    const two = await followed(2);
    expect(five).toEqual(expect.arrayContaining(two));
  });

  it('is followed within a second: restart', async () => {
    const before = (await marathon.runningTasks('hello')).map((t) => t.id);
    await marathon.deploy('POST', '/apps/hello/restart');
    await followed(2);
    const after = (await marathon.runningTasks('hello')).map((t) => t.id);
    expect(after.filter((id) => before.includes(id))).toEqual([]);
    expect((await hello()).status).toBe(200);
  });

  it('is followed within a second: scaled to nothing is 503 and NODATA, not 404 and NXDOMAIN', async () => {
    await marathon.deploy('PATCH', '/apps/hello', { instances: 0 });
    await marathon.settled();
    await eventually('503', async () => (await hello()).status === 503, WITHIN_A_SECOND);
    await eventually(
      'NODATA',
      async () => {
        const { status, answers } = await dig(site.ports.dns, NAME);
        return status === 'NOERROR' && answers.length === 0;
      },
      WITHIN_A_SECOND,
    );
    await marathon.deploy('PATCH', '/apps/hello', { instances: 2 });
    await followed(2);
  });

  it('leaves no process behind on Ctrl-C', async () => {
    expect(await platform.interrupt()).toBe(0);
    if (canSeeProcesses) expect(site.leftovers()).toEqual([]);
  });

  it('finds the app that was there when it is started again', async () => {
    platform = await site.start('up');
    expect(platform.readyMs).toBeLessThan(5_000);
    await eventually('two instances', async () => (await taskPorts()).length === 2);
    await followed(2);
    expect(await marathon.app('hello')).toMatchObject({ id: '/hello', instances: 2 });
    await eventually('an answer', async () => (await hello()).status === 200, WITHIN_A_SECOND);
  });

  it('is followed within a second: delete', async () => {
    await marathon.deploy('DELETE', '/apps/hello');
    await marathon.settled();
    await eventually('404', async () => (await hello()).status === 404, WITHIN_A_SECOND);
    await eventually(
      'NXDOMAIN',
      async () => (await dig(site.ports.dns, NAME)).status === 'NXDOMAIN',
      WITHIN_A_SECOND,
    );
    expect(await platform.interrupt()).toBe(0);
    if (canSeeProcesses) expect(site.leftovers()).toEqual([]);
  });
});
