import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePorts } from '../../support/free-ports.ts';
import { Daemon } from './support/daemon.ts';
import { Dnspython } from './support/dnspython.ts';
import { ENGINE, LONG, sized, startEdge } from './support/edge.ts';
import type { EdgeUnderTest } from './support/edge.ts';
import { UdpClient, opt, query } from './support/raw.ts';
import { report } from './support/report.ts';
import { ask, missing } from './support/tools.ts';

// D13: the master is gone, or says nothing any more. What was known stays in service, is said to be old, and a name that was known does
// not "not exist".

const MASTER = fileURLToPath(new URL('support/master-process.ts', import.meta.url));
const GONE_MS = sized(4_000, 600_000);
const lacking = missing('kdig', 'dnspython');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

describe.skipIf(lacking.length > 0)(`D13: the master is lost${needs}`, () => {
  let edge: EdgeUnderTest | undefined;
  let master: Daemon | undefined;
  let judge: Dnspython | undefined;

  afterEach(async () => {
    await edge?.close();
    await master?.close();
    await judge?.close();
    edge = master = judge = undefined;
  });

  const startMaster = async (port: number): Promise<Daemon> => {
    master = new Daemon(process.execPath, () => [MASTER, String(port)]);
    return master.until('ready', () => master?.output.includes('ready') ?? false);
  };

  const detail = async (e: EdgeUnderTest): Promise<string> => JSON.stringify((await e.http('/health')).json);

  it.each([
    ['kill -9', 'SIGKILL'],
    ['silence (SIGSTOP)', 'SIGSTOP'],
  ] as const)('%s: the last known names stay, with "stale" and its age', async (what, signal) => {
    const [port = 0] = await freePorts(1);
    const lost = await startMaster(port);
    const e = (edge = await startEdge({ master: `127.0.0.1:${port}`, engine: ENGINE }));
    judge = new Dnspython();
    expect((await ask('kdig', e.port, 'web.marathon.mesos', 'A')).answers).toBe(3);
    const client = await UdpClient.to(e.port);
    const fresh = await client.ask(query('web.marathon.mesos', 1, { edns: opt() }));
    expect((await judge.parse(fresh?.bytes ?? Buffer.alloc(0))).ede).toEqual([]);

    lost.signal(signal);
    const begun = performance.now();
    const codes = new Map<string, number>();
    let staleAfterMs: number | undefined;
    while (performance.now() - begun < GONE_MS || staleAfterMs === undefined) {
      for (const [name, type] of [
        ['web', 1],
        ['dual', 28],
        ['_api._tcp', 33],
      ] as const) {
        const reply = await client.ask(query(`${name}.marathon.mesos`, type, { edns: opt() }));
        const said = await judge.parse(reply?.bytes ?? Buffer.alloc(0));
        expect(said.error).toBeUndefined();
        codes.set(said.rcode, (codes.get(said.rcode) ?? 0) + 1);
        expect(said.answer.length, `answers for ${name}`).toBeGreaterThan(1);
        if (said.ede.includes(3)) staleAfterMs ??= performance.now() - begun;
        else expect(staleAfterMs, 'an answer that is not said to be stale any more').toBeUndefined();
      }
      const byKdig = await ask('kdig', e.port, 'web.marathon.mesos', 'A');
      expect({ status: byKdig.status, answers: byKdig.answers }).toEqual({ status: 'NOERROR', answers: 3 });
      expect(performance.now() - begun, 'time until it is said to be stale').toBeLessThan(
        Math.max(GONE_MS, 10_000) + 10_000,
      );
    }
    expect(Object.fromEntries(codes)).toEqual({ NOERROR: [...codes.values()].reduce((a, b) => a + b) });
    const health = await eventually(
      'the age in /health',
      async () => /stale for (\d+) s/.exec(await detail(e))?.[1],
    );
    const goneS = (performance.now() - begun) / 1000;
    expect(Math.abs(Number(health) - goneS)).toBeLessThan(6);
    expect((await ask('kdig', e.port, 'nobody.marathon.mesos', 'A')).status).toBe('NXDOMAIN');
    report(
      'D13',
      `${what}: ${goneS.toFixed(0)} s, ${JSON.stringify([...codes])}, EDE 3 after ${((staleAfterMs ?? 0) / 1000).toFixed(2)} s, /health said stale for ${health} s`,
    );

    // And back: recovery is part of the promise.
    const back = performance.now();
    if (signal === 'SIGSTOP') lost.signal('SIGCONT');
    else {
      await lost.close();
      await startMaster(port);
    }
    await eventually(
      'answers that are fresh again',
      async () => {
        const reply = await client.ask(query('web.marathon.mesos', 1, { edns: opt() }));
        const said = await judge?.parse(reply?.bytes ?? Buffer.alloc(0));
        return said?.ede.length === 0 && said.answer.length === 3;
      },
      { timeoutMs: LONG ? 60_000 : 20_000 },
    );
    report(
      'D13',
      `${what}: fresh again ${((performance.now() - back) / 1000).toFixed(1)} s after the master was back`,
    );
    expect(await detail(e)).not.toContain('stale for');
    client.close();
  });

  it('a cold start without any master: SERVFAIL with EDE 14, never NXDOMAIN, until there is one', async () => {
    const [port = 0] = await freePorts(1);
    const e = (edge = await startEdge({ master: `127.0.0.1:${port}`, engine: ENGINE, until: 'spawned' }));
    judge = new Dnspython();
    await eventually(
      'an answer',
      async () => (await ask('kdig', e.port, 'web.marathon.mesos', 'A')).status === 'SERVFAIL',
    );
    const client = await UdpClient.to(e.port);
    for (const name of [
      'web.marathon.mesos',
      'nobody.marathon.mesos',
      'x.mesos',
      '_web._tcp.marathon.mesos',
    ]) {
      for (const type of [1, 28, 33, 16, 255]) {
        const reply = await client.ask(query(name, type, { edns: opt() }));
        const said = await judge.parse(reply?.bytes ?? Buffer.alloc(0));
        expect({ name, type, rcode: said.rcode, ede: said.ede }).toEqual({
          name,
          type,
          rcode: 'SERVFAIL',
          ede: [14],
        });
      }
    }
    client.close();
    expect((await e.http('/ready')).status).toBe(503);
    await startMaster(port);
    await eventually(
      'the names to be there',
      async () => (await ask('kdig', e.port, 'web.marathon.mesos', 'A')).answers === 3,
      { timeoutMs: 20_000 },
    );
    await eventually('/ready to say so', async () => (await e.http('/ready')).status === 200);
    report(
      'D13',
      'cold start without a master: SERVFAIL with EDE 14 for 20 questions, then 200 at /ready with the master',
    );
  });
});
