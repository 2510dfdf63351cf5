/** The stream of the operator API as a master writes it, for a cluster of one framework on some agents. */

export const FRAMEWORK = '4f1c2a0e-7b1d-4b58-9a51-0a5d1c3e7f10-0000';
export const AGENTS = 100;

export const agentId = (i: number): string => `4f1c2a0e-7b1d-4b58-9a51-0a5d1c3e7f10-S${i % AGENTS}`;

/** The record that begins a stream. `tasks`: them as JSON, with commas between. */
export function subscribedWith(tasks: Buffer): Buffer {
  const agents = Array.from({ length: AGENTS }, (_, i) => ({
    agent_info: { id: { value: agentId(i) }, hostname: `node-${i}`, port: 5051 },
    pid: `slave(1)@10.0.0.${i + 1}:5051`,
    active: true,
  }));
  const frameworks = [
    { framework_info: { id: { value: FRAMEWORK }, name: 'marathon', hostname: '10.0.9.1' }, active: true },
  ];
  const before = `{"type":"SUBSCRIBED","subscribed":{"heartbeat_interval_seconds":15,"get_state":{"get_agents":${JSON.stringify({ agents })},"get_frameworks":${JSON.stringify({ frameworks })},"get_tasks":{"tasks":[`;
  return record(Buffer.concat([Buffer.from(before), tasks, Buffer.from(']}}}}')]));
}

/** RecordIO: the length, a line feed, the bytes. */
export const record = (json: Buffer | string): Buffer =>
  Buffer.concat([Buffer.from(`${Buffer.byteLength(json)}\n`), Buffer.from(json)]);

/** JSON of many values with commas between, made in pieces: together they may be longer than a string can be. */
export function list(n: number, of: (i: number) => unknown): Buffer {
  const pieces: Buffer[] = [];
  for (let from = 0; from < n; from += 1000) {
    const some = Array.from({ length: Math.min(1000, n - from) }, (_, i) => JSON.stringify(of(from + i)));
    pieces.push(Buffer.from((from > 0 ? ',' : '') + some.join(',')));
  }
  return Buffer.concat(pieces);
}
