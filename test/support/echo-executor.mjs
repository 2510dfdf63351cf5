// An executor for the tests, as a user would write one: the executor API v1 with fetch, no library. It runs nothing: a
// task is RUNNING until it is killed, or ends at once when its data says `finish`. What it hears as a message it sends back
// with `echo:` before it, having done what it says: `eat:N` keeps N megabytes of memory, `fill:N` writes N of them to its sandbox. On SIGUSR2 all of its tasks finish. When its agent goes away it subscribes again, with all that is not acknowledged.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const env = process.env;
const url = `http://${env.MESOS_AGENT_ENDPOINT}/api/v1/executor`;
const framework_id = { value: env.MESOS_FRAMEWORK_ID };
const executor_id = { value: env.MESOS_EXECUTOR_ID };
const token = env.MESOS_EXECUTOR_AUTHENTICATION_TOKEN;
const headers = {
  'content-type': 'application/json',
  accept: 'application/json',
  ...(token ? { authorization: `Bearer ${token}` } : {}),
};
const tasks = new Map();
const updates = new Map();
const running = new Set();
const kept = [];
let subscriptions = 0;

const post = (call) =>
  fetch(url, { method: 'POST', headers, body: JSON.stringify({ framework_id, executor_id, ...call }) });

async function send(call) {
  try {
    const response = await post(call);
    const text = await response.text();
    if (response.status !== 202) console.log('refused', call.type, response.status, text);
  } catch {
    // the agent is away: updates are told again with the next subscription
  }
}

function update(task_id, state, extra = {}) {
  const uuid = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64');
  const source = 'SOURCE_EXECUTOR';
  const status = { task_id, executor_id, state, source, uuid, timestamp: Date.now() / 1000, ...extra };
  updates.set(uuid, { status });
  return send({ type: 'UPDATE', update: { status } });
}

async function launch(task) {
  tasks.set(task.task_id.value, task);
  running.add(task.task_id.value);
  await update(task.task_id, 'TASK_STARTING');
  await update(task.task_id, 'TASK_RUNNING', {
    message: `pid ${process.pid}, subscription ${subscriptions}`,
  });
  if (Buffer.from(task.data ?? '', 'base64').toString() === 'finish')
    await update(task.task_id, 'TASK_FINISHED');
}

async function hear(event) {
  console.log(event.type);
  switch (event.type) {
    case 'SUBSCRIBED':
      subscriptions++;
      return;
    case 'LAUNCH':
      return launch(event.launch.task);
    case 'LAUNCH_GROUP':
      for (const task of event.launch_group.task_group.tasks) await launch(task);
      return;
    case 'KILL':
      running.delete(event.kill.task_id.value);
      return update(event.kill.task_id, 'TASK_KILLED', { message: 'killed on request' });
    case 'ACKNOWLEDGED':
      updates.delete(event.acknowledged.uuid);
      tasks.delete(event.acknowledged.task_id.value);
      return;
    case 'MESSAGE': {
      const said = Buffer.from(event.message.data, 'base64').toString();
      const [, what, size] = /^(eat|fill):(\d+)$/.exec(said) ?? [];
      const bytes = what && Buffer.alloc(Number(size) * 1024 * 1024, 1);
      if (what === 'eat') kept.push(bytes);
      if (what === 'fill') writeFileSync('filled', bytes);
      const text = `echo:${said}`;
      return send({ type: 'MESSAGE', message: { data: Buffer.from(text).toString('base64') } });
    }
    case 'SHUTDOWN':
      process.exit(0);
  }
}

async function follow() {
  const subscribe = {
    unacknowledged_tasks: [...tasks.values()],
    unacknowledged_updates: [...updates.values()],
  };
  const response = await post({ type: 'SUBSCRIBE', subscribe });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  let rest = Buffer.alloc(0);
  for await (const piece of response.body) {
    rest = Buffer.concat([rest, piece]);
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const length = Number(rest.subarray(0, end));
      if (rest.length < end + 1 + length) break;
      const event = JSON.parse(rest.subarray(end + 1, end + 1 + length).toString());
      rest = rest.subarray(end + 1 + length);
      await hear(event);
    }
  }
}

process.on('SIGUSR2', () => {
  for (const task_id of running) void update({ value: task_id }, 'TASK_FINISHED');
});

for (;;) {
  await follow().catch((error) => console.log(String(error)));
  await sleep(50);
}
