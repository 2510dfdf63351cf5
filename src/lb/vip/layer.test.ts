import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { CatalogTask } from '../../cluster/index.ts';
import { HandCatalog, task } from '../../cluster/testing/index.ts';
import { VIPS_DOMAIN, Vips } from '../../cluster/vips/index.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { seededRandom } from '../../core/random.ts';
import { createPortableReactor } from '../../net/index.ts';
import { vipsConfigSchema } from './config.ts';
import { VipLayer } from './layer.ts';
import { FakeNft } from './testing/fake-nft.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const f of cleanup.splice(0).reverse()) await f();
});

/** Named VIPs are addresses of the loopback network, where listeners can be for everybody. */
const RANGE = { first: '127.77.0.0', last: '127.77.255.255' };

interface Server {
  readonly vip: string;
  readonly address: string;
  readonly listens?: string;
  readonly backends: readonly { readonly address: string; readonly weight: number; readonly why: string }[];
}

function make(
  config: object,
  more: { linux?: boolean; nft?: FakeNft; ours?: AbortSignal; leftTable?: string } = {},
) {
  const catalog = new HandCatalog();
  const vips = new Vips({ domain: VIPS_DOMAIN, ipv4: RANGE, ipv6: undefined });
  vips.follow(catalog);
  const metrics = new Metrics();
  const nft = more.nft ?? new FakeNft();
  const layer = new VipLayer({
    config: vipsConfigSchema.parse(config),
    ranges: [RANGE],
    vips,
    catalog,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    metrics,
    reactor: createPortableReactor({ clock: systemClock, log: silentLogger }),
    run: nft.run,
    endUdpFlows: async () => 0,
    linux: more.linux ?? true,
    later: (f) => void setImmediate(f),
    ours: more.ours ?? AbortSignal.abort(),
    leftTable: more.leftTable,
  });
  cleanup.push(() => layer.stop());
  const become = async (...tasks: CatalogTask[]): Promise<readonly Server[]> => {
    catalog.become({ tasks });
    await layer.settled();
    return layer.view()['vips'] as readonly Server[];
  };
  return { layer, become, metrics, nft, catalog };
}

type Successor = ReturnType<typeof make> & { readonly ours: AbortController };

function web(
  n: number,
  port: number,
  more: Partial<CatalogTask> = {},
  vip = '/web:7080',
  protocol = 'tcp',
): CatalogTask {
  const labels = new Map([
    ['VIP_0', vip],
    ['network-scope', 'container'],
  ]);
  const discovery = {
    name: 'web',
    visibility: 'CLUSTER',
    ports: [{ number: port, name: '', protocol, labels }],
  };
  return task(`web.${n}`, { netinfoIps: ['127.0.0.1'], discovery, ...more });
}

/** Says its name to everybody who comes, and the same again to whatever it is told. */
async function origin(name: string): Promise<number> {
  const server = createServer((socket) => {
    socket.write(name);
    socket.on('data', () => socket.write(name));
    socket.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  cleanup.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function dial(at: string): Promise<{ readonly socket: Socket; readonly name: string }> {
  const [host = '', port = ''] = at.split(':');
  const socket = connect({ host, port: Number(port) });
  cleanup.push(() => socket.destroy());
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.on('error', () => {});
  return { socket, name: bytes.toString() };
}

describe('what carries VIPs', () => {
  it('is nothing unless it is wanted', async () => {
    const { layer, become, nft, metrics } = make({});
    await layer.start();
    expect([await become(web(1, 1000)), nft.commands, layer.mode]).toEqual([[], [], 'off']);
    expect(await metrics.text()).toContain('rimrock_lb_vip_mode{mode="off"} 1');
  });

  it('is the kernel where that can be had', async () => {
    const { layer, become, nft, metrics } = make({ mode: 'auto', table: 'mine' });
    await layer.start();
    // Without a word from the cluster nothing is touched.
    await layer.settled();
    expect(nft.tables.size).toBe(0);
    const [server] = await become(web(1, 1000), web(2, 1001, { healthy: false }));
    expect(layer.mode).toBe('kernel');
    expect(server).toMatchObject({
      vip: 'web.marathon.l4lb.thisdcos.directory:7080',
      protocol: 'tcp',
      backends: [
        { address: '127.0.0.1:1000', weight: 1, why: 'up' },
        { address: '127.0.0.1:1001', weight: 0, why: 'its health check fails' },
      ],
    });
    expect(JSON.stringify(nft.dump('mine'))).toContain('dnat ip to 127.0.0.1:1000');
    expect(await metrics.text()).toMatch(/vip_servers 1\n[^]*state="taking"} 1\n[^]*state="draining"} 1/);
    await layer.stop();
    expect(nft.tables.size).toBe(0);
  });

  it('is listeners where it cannot, or an error where it must', async () => {
    const nft = new FakeNft();
    const refusing = Object.assign(nft, {
      run: async () => ({ ok: false, stdout: '', problem: 'you must be root' }),
    });
    const auto = make({ mode: 'auto' }, { nft: refusing });
    await auto.layer.start();
    expect(auto.layer.view()).toMatchObject({ mode: 'proxy', reason: 'nft: you must be root' });
    const kernel = make({ mode: 'kernel' }, { nft: refusing });
    await expect(kernel.layer.start()).rejects.toMatchObject({ code: 'LB_VIPS_NO_KERNEL' });
    const elsewhere = make({ mode: 'auto' }, { linux: false });
    await elsewhere.layer.start();
    expect(elsewhere.layer.view()).toMatchObject({ mode: 'proxy', reason: 'this is not Linux' });
    expect(elsewhere.nft.commands).toEqual([]);
  });

  it('leaves what another process carries as it is, until it is the one that does', async () => {
    const nft = new FakeNft();
    const theirs = make({ mode: 'kernel' }, { nft });
    await theirs.layer.start();
    await theirs.become(web(1, 1000));
    const table = JSON.stringify(nft.dump('rimrock'));
    const [failed, next] = [new AbortController(), new AbortController()].map((ours) => ({
      ...make({ mode: 'kernel' }, { nft, ours: ours.signal }),
      ours,
    })) as [Successor, Successor];
    for (const { layer, become } of [failed, next]) {
      await layer.start();
      await become(web(1, 1000), web(2, 1001));
    }
    await failed.layer.stop();
    expect(JSON.stringify(nft.dump('rimrock'))).toBe(table);

    await theirs.layer.handOver();
    next.ours.abort();
    await next.layer.settled();
    const both = JSON.stringify(nft.dump('rimrock'));
    expect(both).toContain('127.0.0.1 . 1001');
    await theirs.become();
    await theirs.layer.stop();
    expect(JSON.stringify(nft.dump('rimrock'))).toBe(both);
    await next.layer.stop();
    expect(nft.tables.size).toBe(0);
  });

  it.each([
    ['another table', { mode: 'kernel', table: 'mine' }, ['mine'], 1],
    ['listeners', { mode: 'proxy' }, [], 0],
    ['nothing', { mode: 'off' }, [], 0],
  ])('is %s after the table of another process, which goes when it is not used any more', async (...row) => {
    const [, config, tables, routes] = row;
    const nft = new FakeNft();
    const theirs = make({ mode: 'kernel' }, { nft });
    await theirs.layer.start();
    await theirs.become(web(1, 1000));
    const leftTable = theirs.layer.tableForSuccessor ?? '';
    expect([leftTable, [...nft.tables.keys()], nft.routes.size]).toEqual(['rimrock', ['rimrock'], 1]);
    const ours = new AbortController();
    const next = make(config, { nft, ours: ours.signal, leftTable });
    await next.layer.start();
    await next.become(web(1, 1000));
    expect([...nft.tables.keys()]).toEqual(['rimrock']);

    await theirs.layer.handOver();
    const before = nft.commands.length;
    ours.abort();
    await next.layer.settled();
    expect([[...nft.tables.keys()], nft.routes.size]).toEqual([tables, routes]);
    // Never none: the new one is whole first.
    const scripts = nft.commands.slice(before).filter((c) => c.startsWith('nft -f -'));
    expect(scripts.at(-1)).toContain('delete table inet rimrock');
    expect(scripts).toHaveLength(tables.length + 1);
    await theirs.layer.stop();
    expect([...nft.tables.keys()]).toEqual(tables);
    expect(next.layer.tableForSuccessor).toBe(tables[0]);
  });

  it('says what was set aside', async () => {
    const { layer, become } = make({ mode: 'kernel' });
    await layer.start();
    const [server] = await become(web(1, 1000), web(2, 1001, {}, 'no-port'));
    const address = server?.address ?? '';
    await become(web(1, 1000), web(2, 1001, {}, 'no-port'), web(3, 1002, {}, address));
    expect([...layer.setAside()].map((r) => r.reason)).toEqual([
      'VIP_0=no-port: has no port; write /name:port',
      `VIP tcp ${address}: web.marathon.l4lb.thisdcos.directory. has this address`,
    ]);
  });
});

describe('listeners for VIPs', () => {
  it('are at the own address of a VIP where that is of this machine, and carry what is drained to its end', async () => {
    const { layer, become } = make({ mode: 'proxy' });
    await layer.start();
    const [one, two] = [await origin('one'), await origin('two')];
    const [server] = await become(web(1, one));
    const at = server?.address ?? '';
    expect(server?.listens).toBe(at);
    const held = await dial(at);
    expect(held.name).toBe('one');
    await become(web(1, one, { state: 'TASK_KILLING' }), web(2, two));
    for (let i = 0; i < 5; i++) expect((await dial(at)).name).toBe('two');
    held.socket.write('again');
    expect(String((await once(held.socket, 'data'))[0])).toBe('one');
    await become();
    await expect(dial(at)).rejects.toThrow('ECONNREFUSED');
  });

  it('prefer the backend with fewer connections, and pass over one that does not answer', async () => {
    const { layer, become } = make({ mode: 'proxy' });
    await layer.start();
    const [one, two] = [await origin('one'), await origin('two')];
    const closed = await origin('closed');
    await cleanup.pop()?.();
    const [server] = await become(web(1, one), web(2, two), web(3, closed));
    const names: string[] = [];
    for (let i = 0; i < 10; i++) names.push((await dial(server?.address ?? '')).name);
    expect(names.filter((name) => name === 'one')).toHaveLength(5);
    expect(names.filter((name) => name === 'two')).toHaveLength(5);
  });

  it('reset a connection that no backend takes', async () => {
    const { layer, become } = make({ mode: 'proxy' });
    await layer.start();
    const closed = await origin('closed');
    await cleanup.pop()?.();
    const [server] = await become(web(1, closed));
    await expect(dial(server?.address ?? '')).rejects.toThrow();
    await become(web(1, closed, { state: 'TASK_KILLING' }));
    await expect(dial(server?.address ?? '')).rejects.toThrow();
  });

  it('pass on half-closed connections and large answers whole', async () => {
    const { layer, become } = make({ mode: 'proxy' });
    await layer.start();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let size = 0;
      socket.on('data', (piece) => void (size += piece.length));
      socket.on('end', () => socket.end(`${size} ${'x'.repeat(3_000_000)}`));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    cleanup.push(() => server.close());
    const [vip] = await become(web(1, (server.address() as AddressInfo).port));
    const [host = '', port = ''] = (vip?.address ?? '').split(':');
    const socket = connect({ host, port: Number(port), allowHalfOpen: true });
    socket.end('y'.repeat(2_000_000));
    let text = '';
    for await (const piece of socket) text += String(piece);
    expect(text.length).toBe('2000000 '.length + 3_000_000);
    expect(text.startsWith('2000000 x')).toBe(true);
  });

  it('are at a port of the address for all where the own one is not of this machine', async () => {
    const { layer, become } = make({ mode: 'proxy', proxy: { firstPort: 41_000, lastPort: 41_099 } });
    await layer.start();
    const one = await origin('one');
    const taken = createServer();
    await once(taken.listen(0, '127.0.0.1'), 'listening');
    cleanup.push(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const [server] = await become(web(1, one, {}, `192.0.2.1:${port}`));
    expect(server?.listens).toMatch(/^127\.0\.0\.1:410\d\d$/);
    expect((await dial(server?.listens ?? '')).name).toBe('one');
  });

  it('take nobody new while they drain, and wait for those who are there as long as they may', async () => {
    const { layer, become } = make({ mode: 'proxy' });
    await layer.start();
    const one = await origin('one');
    const [server] = await become(web(1, one));
    const at = server?.address ?? '';
    const [ends, stays] = [await dial(at), await dial(at)];
    let drained = false;
    const draining = layer.drain(60_000).then(() => (drained = true));
    await expect.poll(() => dial(at).catch((error: unknown) => String(error))).toContain('ECONNREFUSED');
    stays.socket.write('again');
    expect(String((await once(stays.socket, 'data'))[0])).toBe('one');
    ends.socket.end();
    await once(ends.socket, 'close');
    expect(drained).toBe(false);
    stays.socket.end();
    await draining;

    const other = make({ mode: 'proxy' });
    await other.layer.start();
    const [again] = await other.become(web(1, one));
    const cut = await dial(again?.address ?? '');
    const closed = new Promise((resolve) => void cut.socket.once('close', resolve));
    await other.layer.drain(50);
    await other.layer.stop();
    await closed;
  });

  it('say at which UDP ports they are', async () => {
    const { layer, become } = make({ mode: 'proxy' });
    await layer.start();
    await become(web(1, 1000), web(2, 1001, {}, '/dns:7053', 'udp'));
    expect(layer.udpPorts()).toEqual([7053]);
  });

  it('carry UDP, a client to one backend until that is gone', async () => {
    const { layer, become } = make({ mode: 'proxy' });
    await layer.start();
    const ports: number[] = [];
    for (const name of ['one', 'two']) {
      const socket = createSocket('udp4');
      socket.on('message', (_, from) => socket.send(name, from.port, from.address));
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      cleanup.push(() => socket.close());
      ports.push(socket.address().port);
    }
    const [one = 0, two = 0] = ports;
    const udp = (n: number, port: number) => web(n, port, {}, '/web:7080', 'udp');
    const [server] = await become(udp(1, one), udp(2, two));
    const [host = '', port = ''] = (server?.address ?? '').split(':');
    const client = createSocket('udp4');
    cleanup.push(() => client.close());
    const ask = async (): Promise<string> => {
      const answer = once(client, 'message');
      client.send('hello', Number(port), host);
      return String((await answer)[0]);
    };
    const first = await ask();
    for (let i = 0; i < 5; i++) expect(await ask()).toBe(first);
    await become(...(first === 'one' ? [udp(2, two)] : [udp(1, one)]));
    expect(await ask()).toBe(first === 'one' ? 'two' : 'one');
  });
});
