import { expect, it } from 'vitest';
import { V0Cluster } from '../../testing/ledger.ts';
import { RFC1123 } from '../labels.ts';
import { AnswerLimits } from './limits.ts';

const settings = { domain: 'mesos', rule: RFC1123, ipSources: ['host' as const] };
const task = (name: string, answers: string | undefined, discovery?: unknown): unknown => ({
  id: `${name}.1`,
  name,
  slave_id: 'S1',
  state: 'TASK_RUNNING',
  resources: { ports: '[31000-31000]' },
  labels: answers === undefined ? [] : [{ key: 'dns.answers', value: answers }],
  ...(discovery === undefined ? {} : { discovery }),
});
const state = (...tasks: readonly unknown[]): unknown => ({
  slaves: [{ id: 'S1', pid: 'slave(1)@10.0.0.1:5051' }],
  frameworks: [{ id: 'F', name: 'marathon', tasks }],
});
const made = (configured: Readonly<Record<string, number>> = {}) => {
  const limits = new AnswerLimits(settings, new Map(Object.entries(configured)));
  return { limits, cluster: new V0Cluster([limits]) };
};

it('a label limits all names that the tasks of a service share', () => {
  const { limits, cluster } = made();
  const ports = { ports: [{ number: 80, name: 'http', protocol: 'tcp' }] };
  cluster.become(state(task('x', '2', { name: 'b.a', ports }), task('other', undefined)));
  expect(cluster.ledger.limits).toEqual(
    new Map(
      ['b.a', 'b-a'].flatMap((n): [string, number][] => [
        [`${n}.marathon.mesos.`, 2],
        [`${n}.marathon.slave.mesos.`, 2],
        [`_${n}._tcp.marathon.mesos.`, 2],
        [`_http._${n}._tcp.marathon.mesos.`, 2],
        [`_${n}._tcp.marathon.slave.mesos.`, 2],
        [`_${n}._udp.marathon.slave.mesos.`, 2],
      ]),
    ),
  );
  cluster.become(state(task('x', undefined, { name: 'b.a', ports })));
  expect(cluster.ledger.limits.size).toBe(0);
  expect([...limits.setAside()]).toEqual([]);
});

it('the config goes before labels, and the least label counts where services share a name', () => {
  const { limits, cluster } = made({ 'web.marathon.mesos.': 5 });
  cluster.become(state(task('web', '2'), task('b.a', '4'), task('b-a', '3')));
  const { ledger } = cluster;
  expect(ledger.limits.get('web.marathon.mesos.')).toBe(5);
  expect(ledger.limits.get('_web._tcp.marathon.mesos.')).toBe(2);
  expect(ledger.limits.get('b-a.marathon.mesos.')).toBe(3);
  cluster.become(state(task('web', '2'), task('b.a', '4')));
  expect(ledger.limits.get('b-a.marathon.mesos.')).toBe(4);
  limits.replace(new Map([['leader.mesos.', 1]]));
  cluster.become(state(task('web', '2')));
  expect(ledger.limits.get('web.marathon.mesos.')).toBe(2);
  expect(ledger.limits.get('leader.mesos.')).toBe(1);
});

it('a limit of the config is there from the start', () => {
  const { cluster } = made({ 'web.marathon.mesos.': 1 });
  cluster.become(state());
  expect([...cluster.ledger.limits]).toEqual([['web.marathon.mesos.', 1]]);
});

it.each(['0', '-1', 'all', '', '1.5', '65536'])('a label %o is set aside, while it lasts', (value) => {
  const { limits, cluster } = made();
  cluster.become(state(task('web', '7')));
  cluster.become(state(task('web', value)));
  expect(cluster.ledger.limits.size).toBe(0);
  expect([...limits.setAside()]).toEqual([
    { kind: 'label', id: 'marathon/web', reason: expect.stringContaining(`dns.answers is '${value}'`) },
  ]);
  cluster.become(state(task('web', '1')));
  expect([...limits.setAside()]).toEqual([]);
});
