import { asTaskState } from '../../mesos/index.ts';
import { compactStatus, labelsOf, makeTask } from '../model/index.ts';
import type {
  MasterEndpoint,
  ModelAgent,
  ModelDiscovery,
  ModelFramework,
  ModelTask,
  Rejection,
} from '../model/index.ts';

// The entities of the model as JSON and back. Maps become lists of pairs; what is undefined is left out on the way to
// the disk and comes back as undefined, so that a state equals itself after the journey. Readers throw when what they
// get is not what the writers made.

type Plain = Readonly<Record<string, unknown>>;

export function writeFramework(framework: ModelFramework): unknown {
  return { ...framework, labels: [...framework.labels] };
}

export function writeTask(task: ModelTask): unknown {
  return {
    key: task.key,
    id: task.id,
    name: task.name,
    frameworkId: task.frameworkId,
    agentId: task.agentId,
    state: task.state,
    ports: task.ports,
    discovery: task.discovery && writeDiscovery(task.discovery),
    labels: [...task.labels],
    startedAtMs: task.startedAtMs,
    hasHealthCheck: task.hasHealthCheck,
    running: task.running && writeRunning(task.running),
  };
}

function writeRunning(running: NonNullable<ModelTask['running']>): unknown {
  const { timestampMs, healthy, netinfoIps, dockerIps, mesosIps, networks } = running;
  return { timestampMs, healthy, netinfoIps, dockerIps, mesosIps, networks };
}

function writeDiscovery(discovery: ModelDiscovery): unknown {
  return { ...discovery, ports: discovery.ports.map((p) => ({ ...p, labels: [...p.labels] })) };
}

export function readEndpoint(json: unknown): MasterEndpoint {
  const o = objectOf(json);
  return { ip: text(o['ip']), port: number(o['port']) };
}

export function readAgent(json: unknown): ModelAgent {
  const o = objectOf(json);
  return {
    id: text(o['id']),
    hostname: text(o['hostname']),
    host: text(o['host']),
    port: number(o['port']),
    active: flag(o['active']),
    ...(o['zone'] === undefined ? {} : { zone: text(o['zone']) }),
  };
}

export function readFramework(json: unknown): ModelFramework {
  const o = objectOf(json);
  const pid = o['pid'] === undefined ? undefined : objectOf(o['pid']);
  return {
    id: text(o['id']),
    name: text(o['name']),
    hostname: text(o['hostname']),
    pid: pid && { host: text(pid['host']), port: number(pid['port']) },
    active: flag(o['active']),
    labels: labels(o['labels']),
    declarations: o['declarations'] === undefined ? undefined : list(o['declarations']).map(text),
  };
}

export function readTask(json: unknown): ModelTask {
  const o = objectOf(json);
  const state = asTaskState(o['state']);
  if (state === undefined) throw new Error('a task has no state');
  return makeTask({
    id: text(o['id']),
    name: text(o['name']),
    frameworkId: text(o['frameworkId']),
    agentId: text(o['agentId']),
    state,
    ports: list(o['ports']).map(number),
    discovery: o['discovery'] === undefined ? undefined : readDiscovery(objectOf(o['discovery'])),
    labels: labels(o['labels']),
    startedAtMs: number(o['startedAtMs']),
    hasHealthCheck: o['hasHealthCheck'] === true,
    running: o['running'] === undefined ? undefined : readRunning(objectOf(o['running'])),
  });
}

function readDiscovery(o: Plain): ModelDiscovery {
  const ports = list(o['ports']).map((json) => {
    const p = objectOf(json);
    return {
      number: number(p['number']),
      name: text(p['name']),
      protocol: text(p['protocol']),
      labels: labels(p['labels']),
    };
  });
  return { name: text(o['name']), visibility: text(o['visibility']), ports };
}

function readRunning(o: Plain): NonNullable<ModelTask['running']> {
  return compactStatus({
    timestampMs: number(o['timestampMs']),
    healthy: o['healthy'] === undefined ? undefined : flag(o['healthy']),
    netinfoIps: list(o['netinfoIps']).map(text),
    dockerIps: list(o['dockerIps']).map(text),
    mesosIps: list(o['mesosIps']).map(text),
    networks: list(o['networks']).map((json) => {
      const network = objectOf(json);
      return { name: text(network['name']), ips: list(network['ips']).map(text) };
    }),
  });
}

export function readRejection(json: unknown): [key: string, rejection: Rejection] {
  const [key, value] = list(json);
  const o = objectOf(value);
  const kind = o['kind'];
  if (kind !== 'agent' && kind !== 'framework' && kind !== 'task') throw wrong('a kind of entity');
  return [text(key), { kind, id: text(o['id']), reason: text(o['reason']) }];
}

function labels(json: unknown): ReadonlyMap<string, string> {
  return labelsOf(
    list(json).map((pair) => {
      const [key, value] = list(pair);
      return { key: text(key), value: text(value) };
    }),
  );
}

export function objectOf(value: unknown): Plain {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('an object');
  return value as Plain;
}

export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong('a list');
  return value as unknown[];
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw wrong('a text');
  return value;
}

export function number(value: unknown): number {
  if (typeof value !== 'number') throw wrong('a number');
  return value;
}

function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrong('true or false');
  return value;
}

function wrong(what: string): Error {
  return new Error(`something in it is not ${what}`);
}
