import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TaskIdentities } from '../../core/identity.ts';
import type { Component } from '../../core/lifecycle.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { seededRandom } from '../../core/random.ts';
import { HOUR_MS, MINUTE_MS } from '../testing/authority-harness.ts';
import { WorkloadDesk, taskFacts } from '../testing/workload-desk.ts';
import { workloadConfigSchema } from './config.ts';
import { SocketFolder } from './socket-folder.ts';
import { createTaskIdentities } from './task-identities.ts';
import type { TaskAuthority } from './task-authority.ts';

let desk: WorkloadDesk;
let home: string;
let sandbox: string;
let metrics: Metrics;
let identities: TaskIdentities & Component;
/** Whether the authority is there. */
let away: boolean;
/** Whether nothing is heard of it, either. */
let deaf: boolean;
let agents = 0;
const WEB = taskFacts('web.1');

beforeEach(async () => {
  desk = await WorkloadDesk.open();
  desk.tasks.all.add(WEB);
  home = mkdtempSync(join(tmpdir(), 'rr-id-'));
  sandbox = join(home, 'sandbox');
  away = deaf = false;
  identities = await agent();
});
afterEach(async () => {
  await identities.stop();
  await desk.close();
  rmSync(home, { recursive: true, force: true });
});

async function agent(): Promise<TaskIdentities & Component> {
  const { room } = desk;
  const authority: TaskAuthority = {
    sign: (...asked) => (away ? Promise.reject(new Error('away')) : room.sign(...asked)),
    signJwt: (...asked) => (away ? Promise.reject(new Error('away')) : room.signJwt(...asked)),
    follow: (listener) => (deaf ? () => {} : room.follow(listener)),
  };
  metrics = new Metrics();
  const made = createTaskIdentities({
    config: workloadConfigSchema.parse({}),
    authority,
    folder: home,
    clock: desk.harness.clock,
    random: seededRandom(++agents),
    log: silentLogger,
    metrics,
  });
  await made.start();
  return made;
}

/** Time goes by in steps, between which promises and files have their turn. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 5_000) {
    desk.harness.clock.advance(Math.min(5_000, left));
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  }
}
/** Timers fire; without a step time stands still. */
const provide = async (stepMs = 0): Promise<Record<string, string>> => {
  const state = { done: false };
  const provided = identities.provide(WEB, { sandbox }).finally(() => (state.done = true));
  provided.catch(() => {});
  while (!state.done) {
    desk.harness.clock.advance(stepMs);
    await new Promise(setImmediate);
  }
  return { ...(await provided) };
};
const folder = (): string => join(sandbox, '.rimrock');
const file = (name: string): string => readFileSync(join(folder(), 'current', name), 'utf8');
const belongTogether = (): boolean =>
  new X509Certificate(file('cert.pem')).checkPrivateKey(createPrivateKey(file('key.pem')));
const verifies = (): boolean => desk.harness.judge(desk.authority, file('cert.pem')).ok;
const metric = async (name: string): Promise<number> =>
  Number(new RegExp(`^${name} (.*)$`, 'm').exec(await metrics.text())?.[1]);

describe('identities of tasks', () => {
  it('are files of the task alone, and variables that say where', async () => {
    const environment = await provide();
    expect(environment['RIMROCK_CERT_FILE']).toBe(join(folder(), 'current', 'cert.pem'));
    expect(environment['SPIFFE_ENDPOINT_SOCKET']).toMatch(
      new RegExp(`^unix://${home}/spiffe/[0-9a-f]{24}\\.sock$`),
    );
    for (const name of ['RIMROCK_CERT_FILE', 'RIMROCK_KEY_FILE', 'RIMROCK_BUNDLE_FILE'])
      expect(statSync(environment[name] ?? '').mode & 0o777).toBe(0o600);
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    expect(statSync(environment['SPIFFE_ENDPOINT_SOCKET']?.slice('unix://'.length) ?? '').mode & 0o777).toBe(
      0o600,
    );
    expect([belongTogether(), verifies()]).toEqual([true, true]);
    expect(identities.sourceOf(WEB)?.current?.svid.id).toBe(
      'spiffe://test.local/framework/marathon/task/web',
    );
    expect(await metric('rimrock_identity_tasks')).toBe(1);
  });

  it('change all at once: what a link has led to stays whole', async () => {
    await provide();
    const first = readlinkSync(join(folder(), 'current'));
    const before = file('key.pem');
    await pass(HOUR_MS * 0.6);
    await expect.poll(() => readlinkSync(join(folder(), 'current'))).not.toBe(first);
    expect(file('key.pem')).not.toBe(before);
    expect([belongTogether(), verifies()]).toEqual([true, true]);
    expect(readFileSync(join(folder(), first, 'key.pem'), 'utf8')).toBe(before);
    await pass(5 * HOUR_MS);
    await expect.poll(verifies).toBe(true);
    await expect.poll(() => readdirSync(folder()).length).toBe(3);
    expect(belongTogether()).toBe(true);
  });

  it('are there for the next agent at once, also without an authority', async () => {
    const { SPIFFE_ENDPOINT_SOCKET: socket = '' } = await provide();
    const before = file('cert.pem');
    await identities.stop();
    away = deaf = true;
    identities = await agent();
    const again = await provide();
    expect(again['SPIFFE_ENDPOINT_SOCKET']).toBe(socket);
    expect(statSync(socket.slice('unix://'.length)).isSocket()).toBe(true);
    expect(file('cert.pem')).toBe(before);
    expect(identities.sourceOf(WEB)?.current?.svid.certificateChain).toBe(before);
    expect(await metric('rimrock_identity_tasks_alarm')).toBe(0);
  });

  it('hold while the authority is away for half of a life; somebody hears of it, and it mends itself', async () => {
    await provide();
    const before = file('cert.pem');
    away = true;
    await pass(0.5 * HOUR_MS);
    expect([file('cert.pem'), verifies()]).toEqual([before, true]);
    await pass(0.2 * HOUR_MS);
    expect(await metric('rimrock_identity_tasks_alarm')).toBe(1);
    expect(await metric('rimrock_identity_life_left_seconds')).toBeGreaterThan(1000);
    expect(verifies()).toBe(true);
    away = false;
    await pass(5 * MINUTE_MS);
    await expect.poll(() => file('cert.pem')).not.toBe(before);
    expect(await metric('rimrock_identity_tasks_alarm')).toBe(0);
  });

  it('are late, and the task does not start, when the authority gives none', async () => {
    away = true;
    await expect(provide(100)).rejects.toMatchObject({ code: 'AUTH_WORKLOAD_LATE' });
    await identities.release(WEB, { sandbox });
    expect(identities.sourceOf(WEB)).toBeUndefined();
    away = false;
    await provide();
    expect(verifies()).toBe(true);
  });

  it('leave nothing behind when the task has ended', async () => {
    await provide();
    const timers = desk.harness.clock.pending;
    await identities.release(WEB, { sandbox });
    expect(readdirSync(sandbox)).toEqual([]);
    expect(readdirSync(join(home, 'spiffe'), { recursive: true })).toEqual(['new']);
    expect(desk.harness.clock.pending).toBe(timers - 1);
    await identities.release(WEB, { sandbox });
    expect(await metric('rimrock_identity_tasks')).toBe(0);
  });

  it('have sockets where the path is short enough, in a folder of this user', async () => {
    const long = join(home, 'x'.repeat(100));
    const instead = await SocketFolder.open('', long);
    try {
      for (const owner of [undefined, { uid: 4_294_967_294, gid: 1 }].slice(
        0,
        process.getuid?.() === 0 ? 2 : 1,
      )) {
        const { path, fresh } = await instead.place(['f', 't'], owner);
        for (const at of [path, fresh]) expect(Buffer.byteLength(at)).toBeLessThanOrEqual(103);
      }
      expect((await SocketFolder.open('', long)).path).toBe(instead.path);
    } finally {
      rmSync(instead.path, { recursive: true });
    }
    expect(statSync((await SocketFolder.open('', home)).path).mode & 0o777).toBe(0o700);
    await expect(SocketFolder.open(long, home)).rejects.toMatchObject({ code: 'AUTH_WORKLOAD_SOCKETS' });
  });
});
