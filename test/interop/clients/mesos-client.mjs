// A real reader of the operator API, on the npm package @dcos/mesos-client, which wants a browser's XMLHttpRequest.
// Argument: master port. Says what it was told as JSON lines: first the answer to GET_STATE, then each stream record.
import { JSDOM } from 'jsdom';

const origin = `http://127.0.0.1:${process.argv[2]}`;
const { window } = new JSDOM('', { url: `${origin}/` });
globalThis.XMLHttpRequest = window.XMLHttpRequest;
const { default: client } = await import('@dcos/mesos-client');

const say = (event, details) => process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
const fail = (error) => say('error', { message: String(error.message ?? error.code ?? error) });

client
  .request({ type: 'GET_STATE' }, `${origin}/api/v1`)
  .subscribe((text) => say('state', { answer: JSON.parse(text) }), fail);
client.stream({ type: 'SUBSCRIBE' }, `${origin}/api/v1`).subscribe(
  (text) => say('record', { record: JSON.parse(text) }),
  fail,
  () => say('end', {}),
);
