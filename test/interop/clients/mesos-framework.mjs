// A real Mesos framework, on the npm package mesos-framework. Run it in a folder of its own with a `logs` folder.
// Arguments: master port, framework name, user. Says each event as a JSON line; takes one command per line on stdin:
// `kill <task>` and `teardown`.
import { createInterface } from 'node:readline';
import mesosFramework from 'mesos-framework';

const { Scheduler, Mesos } = mesosFramework;
const [port, frameworkName, user] = process.argv.slice(2);
const { CommandInfo } = Mesos.getMesos();
const say = (event, details = {}) => process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);

const task = (priority, instances, shell) => ({
  priority,
  instances,
  commandInfo: new CommandInfo(null, null, true, shell, null, null),
  resources: { cpus: 0.1, mem: 16, ports: 1, disk: 0 },
});

const scheduler = new Scheduler({
  masterUrl: '127.0.0.1',
  port,
  user,
  frameworkName,
  masterConnectionTimeout: 60,
  logging: { level: 'error' },
  tasks: { short: task(1, 2, 'sleep 1'), long: task(2, 1, 'exec sleep 3600') },
});

const agents = new Map();
let leaving = false;
scheduler.on('ready', () => scheduler.subscribe());
scheduler.on('subscribed', ({ frameworkId }) => say('subscribed', { framework: frameworkId }));
scheduler.on('heartbeat', () => say('heartbeat'));
scheduler.on('update', ({ status }) => {
  if (status.agent_id) agents.set(status.task_id.value, status.agent_id.value);
  say('update', { task: status.task_id.value, state: status.state, uuid: Boolean(status.uuid) });
});
scheduler.on('sent_teardown', () => {
  say('torn-down');
  process.exit(0);
});
scheduler.on('error', (error) => {
  if (!leaving) say('error', { message: String(error.message ?? error) });
});

createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, id] = line.split(' ');
  if (command === 'kill') scheduler.kill(id, agents.get(id));
  if (command === 'teardown') {
    leaving = true;
    scheduler.teardown();
  }
});
