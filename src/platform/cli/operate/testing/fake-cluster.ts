import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FakeWorld } from '../../../testing/fake-world.ts';
import { main } from '../../main.ts';

type Answer = object | string | number | { readonly status: number; readonly to: string };
type Answers = Readonly<Record<string, Answer | ((body: string) => Answer)>>;

const servers: Server[] = [];
/** All that `serve` has opened. */
export async function closeServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

interface FakeServer {
  readonly url: string;
  /** Requests as `METHOD path authorization`. */
  readonly asked: string[];
}

/** Answers by path or by the type of a call; a number is a status, `{status, to}` leads elsewhere. */
export async function serve(answers: Answers): Promise<FakeServer> {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => void (body += piece.toString()));
    request.on('end', () => {
      const path = request.url?.split('?')[0] ?? '';
      const type = path === '/api/v1' ? (JSON.parse(body) as { type: string }).type : path;
      asked.push([request.method, type, request.headers.authorization ?? ''].join(' ').trim());
      const found = answers[type] ?? answers['*'] ?? 404;
      const answer = typeof found === 'function' ? found(body) : found;
      if (typeof answer === 'number') return void response.writeHead(answer).end(`${answer} said`);
      if (typeof answer === 'object' && 'to' in answer)
        return void response.writeHead(answer.status, { location: `${answer.to}${path}` }).end();
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** What a command says. */
export async function run(
  world: FakeWorld,
  ...words: string[]
): Promise<{ status: number; out: string; err: string }> {
  world.stdout = world.stderr = '';
  const status = await main(words, world);
  return { status, out: world.stdout, err: world.stderr };
}

export const AGENT = 'm-S1';
export const FRAMEWORK = 'm-0000';
const task = (id: string, more: object = {}): object => ({
  id,
  name: 'web',
  framework_id: FRAMEWORK,
  slave_id: AGENT,
  state: 'TASK_RUNNING',
  role: '*',
  resources: { ports: '[31000-31000]' },
  statuses: [{ state: 'TASK_RUNNING', timestamp: 1 }],
  ...more,
});
const TASKS = [
  task('web.1'),
  task('web.2', { name: 'website', slave_id: 'm-S9' }),
  task('old.1', { state: 'TASK_FAILED', statuses: [{ state: 'TASK_FAILED', timestamp: 2 }] }),
];
export const agent = (more: object = {}): object => ({
  id: AGENT,
  hostname: 'rack1-a',
  pid: 'slave(1)@127.0.0.1:1',
  version: '1.11.0',
  attributes: { rack: 'r1' },
  resources: { cpus: 8, mem: 2048 },
  used_resources: { cpus: 0.5, mem: 512 },
  TASK_RUNNING: 2,
  registered_time: 1000,
  active: true,
  ...more,
});
/** A master with an agent and a few tasks. */
export const CLUSTER: Answers = {
  '/slaves': { slaves: [agent()] },
  '/tasks': { tasks: TASKS },
  '/state-summary': {
    slaves: [agent({ drain_info: { state: 'DRAINING' } })],
    frameworks: [{ id: FRAMEWORK, TASK_RUNNING: 2, used_resources: { cpus: 0.5 }, slave_ids: [AGENT] }],
  },
  '/registrar(1)/registry': {
    slaves: {
      slaves: [
        { info: { id: { value: AGENT }, hostname: 'rack1-a' } },
        { info: { id: { value: 'm-S2' }, hostname: 'rack1-b' } },
      ],
    },
    unreachable: { slaves: [{ id: { value: 'm-S3' }, timestamp: { nanoseconds: 5e9 } }] },
  },
  GET_FRAMEWORKS: {
    get_frameworks: {
      frameworks: [
        {
          framework_info: { id: { value: FRAMEWORK }, name: 'marathon', user: 'root', roles: ['web'] },
          connected: true,
          active: true,
        },
      ],
    },
  },
  GET_MASTER: { get_master: { master_info: { id: 'm', version: '1.11.0' }, elected_time: 1000 } },
  '/version': { version: '1.11.0' },
};
