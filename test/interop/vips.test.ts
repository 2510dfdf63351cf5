import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskOfTest } from './vips/host-process.ts';
import { Lab, labProblem } from './vips/lab.ts';
import type { Asked, HostName } from './vips/lab.ts';

// VIPs in the kernels of three hosts, each a network namespace, joined by a bridge: real nft, real connections.

const HOSTS = ['client', 'one', 'two'] as const;
const problem = labProblem();
if (problem !== undefined) console.log(`VIPs in the kernel are not tested: ${problem}`);

interface Told {
  readonly view: {
    readonly mode: string;
    readonly vips: readonly { readonly vip: string; readonly address: string }[];
  };
  readonly metrics: string;
}

interface Load {
  readonly answers: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
  readonly seconds: number;
}

const web = (n: 1 | 2 | 3, more: Partial<TaskOfTest> = {}): TaskOfTest => ({
  id: `web.${n}`,
  ips: [`10.77.0.${n}`, `fd77::${n}`],
  port: 8080,
  vip: '/web:80',
  ...more,
});
const ONE = web(2);
const TWO = web(3);

describe.skipIf(problem !== undefined)('VIPs in the kernel (needs root, nft and ip)', () => {
  let lab: Lab;
  const hosts = new Map<HostName, Asked>();
  const peers = new Map<HostName, Asked>();
  const before = new Map<HostName, string>();
  let [v4, v6] = ['', ''];

  async function become(...tasks: TaskOfTest[]): Promise<Told> {
    const told = await Promise.all(HOSTS.map((name) => host(name).ask<Told>('become', { tasks })));
    return told[0] as Told;
  }
  const host = (name: HostName): Asked => hosts.get(name) as Asked;
  const peer = (name: HostName): Asked => peers.get(name) as Asked;
  const ask = (from: HostName, more: object): Promise<string> =>
    peer(from).ask('ask', { host: v4, port: 80, ...more });
  const many = (from: HostName, more: object = {}): Promise<Record<string, number>> =>
    peer(from).ask('many', { host: v4, port: 80, times: 60, ...more });

  beforeAll(async () => {
    lab = new Lab();
    lab.make();
    for (const name of HOSTS) before.set(name, lab.kernelOf(name));
    for (const name of ['client', 'one', 'two', 'container'] as const) peers.set(name, lab.peer(name));
    await peer('one').ask('serve', { name: 'one', port: 8080 });
    await peer('two').ask('serve', { name: 'two', port: 8080 });
    for (const name of HOSTS) hosts.set(name, await lab.host(name, { mode: 'auto', reconcileSeconds: 1 }));
    const { view } = await become(ONE, TWO);
    expect(view.mode).toBe('kernel');
    const addresses = view.vips.map((vip) => vip.address);
    v4 = addresses.find((a) => a.startsWith('11.'))?.split(':')[0] ?? '';
    v6 = /^\[(.*)\]/.exec(addresses.find((a) => a.startsWith('[')) ?? '')?.[1] ?? '';
  });
  afterAll(() => lab.close());

  it('connections go to all backends, over TCP and UDP, in both families, from hosts and from containers', async () => {
    await become(ONE, TWO);
    for (const protocol of ['tcp', 'udp'])
      for (const at of [v4, v6]) {
        const answers = await many('client', { protocol, host: at });
        expect(Object.keys(answers).sort()).toEqual(['one', 'two']);
        // Of 60 by chance fewer than 10 for one is a matter of a hundred million runs.
        expect(Math.min(...Object.values(answers))).toBeGreaterThanOrEqual(10);
      }
    expect(Object.keys(await many('container')).sort()).toEqual(['one', 'two']);
    expect(Object.keys(await many('container', { protocol: 'udp' })).sort()).toEqual(['one', 'two']);
  });

  it('a backend reaches itself by its own VIP', async () => {
    await become(ONE);
    for (const protocol of ['tcp', 'udp'])
      for (const at of [v4, v6]) expect(await ask('one', { protocol, host: at })).toMatch(/^one /);
    await become(ONE, TWO);
    expect(Object.keys(await many('one')).sort()).toEqual(['one', 'two']);
  });

  it('what no VIP has is refused at once: other ports, other addresses, VIPs whose backends all end', async () => {
    await become(ONE, TWO);
    for (const from of ['client', 'container'] as const) {
      await expect(ask(from, { port: 81 })).rejects.toThrow('ECONNREFUSED');
      await expect(ask(from, { host: '11.99.99.99' })).rejects.toThrow('ECONNREFUSED');
      await expect(ask(from, { port: 81, protocol: 'udp' })).rejects.toThrow(/ECONNREFUSED|EPERM/);
    }
    await expect(ask('client', { host: 'fd01:c::99' })).rejects.toThrow('ECONNREFUSED');
    await become({ ...ONE, state: 'TASK_KILLING' });
    await expect(ask('client', {})).rejects.toThrow('ECONNREFUSED');
    await expect(ask('client', { host: v6 })).rejects.toThrow('ECONNREFUSED');
  });

  it('a backend that drains keeps its connections and gets no new ones, also when it has left', async () => {
    await become(ONE);
    for (const protocol of ['tcp', 'udp']) await ask('client', { protocol, hold: protocol });
    await become({ ...ONE, state: 'TASK_KILLING' }, TWO);
    expect(await many('client')).toEqual({ two: 60 });
    expect(await many('client', { protocol: 'udp' })).toEqual({ two: 60 });
    for (const hold of ['tcp', 'udp']) expect(await peer('client').ask('again', { hold })).toMatch(/^one /);
    await become(TWO);
    expect(await peer('client').ask('again', { hold: 'tcp' })).toMatch(/^one /);
    expect(await many('client')).toEqual({ two: 60 });
  });

  it('a flow of UDP goes on at another backend when its own is gone, also when that was while nobody looked', async () => {
    await become(ONE);
    await ask('client', { protocol: 'udp', hold: 'v4' });
    await ask('client', { protocol: 'udp', host: v6, hold: 'v6' });
    await ask('container', { protocol: 'udp', hold: 'v4' });
    await become(ONE, TWO);
    for (const hold of ['v4', 'v6']) expect(await peer('client').ask('again', { hold })).toMatch(/^one /);
    await become(TWO);
    const again = async (from: HostName, hold: string): Promise<string> => {
      // An answer that is on its way while the flow is ended is lost, and waited for.
      await expect.poll(() => peer(from).ask('again', { hold }), { timeout: 20_000 }).toMatch(/^two /);
      return hold;
    };
    await again('client', 'v4');
    await again('client', 'v6');
    await again('container', 'v4');
    await host('client').end('SIGKILL');
    hosts.set('client', await lab.host('client', { mode: 'kernel', reconcileSeconds: 1 }));
    await become(ONE);
    for (const hold of ['v4', 'v6']) expect(await peer('client').ask('again', { hold })).toMatch(/^one /);
  });

  it('unwell backends get nothing while others are well, and everything when none is', async () => {
    await become({ ...ONE, healthy: false }, { ...TWO, healthy: true });
    expect(await many('client')).toEqual({ two: 60 });
    await become({ ...ONE, healthy: false }, { ...TWO, healthy: false });
    expect(Object.keys(await many('client')).sort()).toEqual(['one', 'two']);
  });

  it('a VIP that is an address goes where the label says', async () => {
    await become(ONE, { ...TWO, id: 'fixed.1', vip: '10.77.0.99:443' });
    expect(await many('client', { host: '10.77.0.99', port: 443 })).toEqual({ two: 60 });
    expect(await many('client')).toEqual({ one: 60 });
  });

  it('changes cut nothing: 200 connections a second while backends come and go', async () => {
    await become(ONE, TWO);
    await peer('client').ask('load', { host: v4, port: 80, perSecond: 200 });
    for (let i = 0; i < 25; i++) {
      await become(
        ONE,
        { ...TWO, state: 'TASK_KILLING' },
        { ...web(2), id: `other.${i}`, vip: `/other-${i}:80` },
      );
      await become(ONE);
      await become({ ...ONE, state: 'TASK_KILLING' }, TWO);
      await become(ONE, TWO);
    }
    const { answers, failures, seconds } = await peer('client').ask<Load>('unload');
    expect(failures).toEqual([]);
    const sum = Object.values(answers).reduce((a, b) => a + b, 0);
    expect(sum).toBeGreaterThan(150 * seconds);
    expect(Object.keys(answers).map((a) => a.split(' ')[0])).toEqual(expect.arrayContaining(['one', 'two']));
  });

  it('traffic goes on when it is killed, and who starts next takes over what it finds', async () => {
    await become(ONE, TWO);
    await ask('client', { hold: 'kept' });
    await peer('client').ask('load', { host: v4, port: 80, perSecond: 200 });
    await host('client').end('SIGKILL');
    const killed = lab.kernelOf('client');
    const next = await lab.host('client', { mode: 'kernel', reconcileSeconds: 1 });
    hosts.set('client', next);
    // Before it knows of the cluster it touches nothing.
    expect(lab.kernelOf('client')).toBe(killed);
    await become(ONE, TWO);
    expect(lab.kernelOf('client')).toBe(killed);
    await become(TWO);
    const { failures } = await peer('client').ask<Load>('unload');
    expect(failures).toEqual([]);
    expect(await many('client')).toEqual({ two: 60 });
    expect(await peer('client').ask('again', { hold: 'kept' })).toMatch(/^(one|two) /);
  });

  it('what others change is repaired', async () => {
    await become(ONE, TWO);
    const whole = lab.kernelOf('client');
    for (const damage of [
      'flush ruleset',
      'flush map inet rimrock vips4',
      'flush chain inet rimrock output',
    ]) {
      lab.in('client', 'nft', ...damage.split(' '));
      expect(lab.kernelOf('client')).not.toBe(whole);
      await expect.poll(() => lab.kernelOf('client'), { timeout: 10_000, interval: 100 }).toBe(whole);
    }
    lab.in('client', 'ip', 'route', 'flush', 'protocol', '182');
    await expect.poll(() => lab.kernelOf('client'), { timeout: 10_000, interval: 100 }).toBe(whole);
    const { metrics } = await become(ONE, TWO);
    expect(Number(/^rimrock_lb_vip_repairs_total (\d+)/m.exec(metrics)?.[1])).toBeGreaterThan(3);
  });

  it('backends see who asks, where that is wanted and answers come back this way', async () => {
    await become(ONE, TWO);
    expect(await ask('container', {})).toMatch(/ 10\.77\.0\.1$/);
    for (const name of ['one', 'two'] as const)
      lab.in(name, 'ip', 'route', 'add', '10.78.0.0/24', 'via', '10.77.0.1');
    for (const name of HOSTS) {
      await host(name).end('SIGKILL');
      hosts.set(name, await lab.host(name, { mode: 'kernel', masquerade: 'needed' }));
    }
    await become(ONE, TWO);
    for (const protocol of ['tcp', 'udp']) {
      expect(await ask('container', { protocol })).toMatch(/ 10\.78\.0\.2$/);
      expect(await ask('client', { protocol })).toMatch(/ 10\.77\.0\.1$/);
    }
    await become(ONE);
    for (const protocol of ['tcp', 'udp'])
      for (const at of [v4, v6]) expect(await ask('one', { protocol, host: at })).toMatch(/^one /);
    for (const name of ['one', 'two'] as const) lab.in(name, 'ip', 'route', 'del', '10.78.0.0/24');
  });

  it('at the end nothing is left of it', async () => {
    await become(ONE, TWO);
    for (const name of HOSTS) {
      expect(lab.kernelOf(name)).not.toBe(before.get(name));
      expect(await host(name).end('SIGTERM')).toBe(0);
      expect(lab.kernelOf(name)).toBe(before.get(name));
    }
  });
});
