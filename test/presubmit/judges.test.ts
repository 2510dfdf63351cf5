import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { watchDnsTruth } from '../support/dns-truth.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad } from '../support/load.ts';

// Negative controls: a judge that cannot find anyone guilty proves nothing.

/** Answers every question with one SRV record for `port`, whatever happens there. */
function srvAnswer(query: Buffer, port: number): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const header = Buffer.from([...query.subarray(0, 2), 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
  const target = Buffer.from([1, 120, 0]);
  const record = Buffer.from([
    0xc0,
    12,
    0,
    33,
    0,
    1,
    0,
    0,
    0,
    60,
    0,
    6 + target.length,
    0,
    0,
    0,
    1,
    port >> 8,
    port & 255,
  ]);
  return Buffer.concat([header, query.subarray(12, end), record, target]);
}

describe('the judges of the chaos tests', () => {
  it('find a DNS server that names the dead', async () => {
    const task = createServer((_request, response) => response.end());
    task.listen(0, '127.0.0.1');
    await once(task, 'listening');
    const { port } = task.address() as AddressInfo;
    const dns = createSocket('udp4');
    let asked = 0;
    dns.on('message', (query, from) => {
      asked++;
      dns.send(srvAnswer(query, port), from.port, from.address);
    });
    dns.bind(0, '127.0.0.1');
    await once(dns, 'listening');
    const truth = watchDnsTruth({ port: dns.address().port, name: 'x', allowedMs: 200 });
    await eventually('some questions', () => asked > 3);
    task.closeAllConnections();
    task.close();
    const askedAlive = asked;
    await eventually('questions about a dead task', () => asked > askedAlive + 10);
    const { answered, lies, longestDeadMs } = await truth.stop();
    dns.close();
    expect(answered).toBeGreaterThan(10);
    expect(longestDeadMs).toBeGreaterThan(200);
    expect(lies.length).toBeGreaterThan(0);
  });

  it('count every kind of failed request', async () => {
    let n = 0;
    const server = createServer((request, response) => {
      n++;
      if (n % 4 === 0) response.writeHead(503).end('no instance');
      else if (n % 4 === 1) request.socket.destroy();
      else if (n % 4 === 2) {
        response.writeHead(200, { 'content-length': '10' });
        response.write('half');
        response.socket?.end();
      } else response.end('fine');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const load = startLoad({ port, host: 'x', perSecond: 100 });
    await eventually('some traffic', () => n >= 40);
    const report = await load.stop();
    server.closeAllConnections();
    server.close();
    const failed = [...report.failures.values()].reduce((a, b) => a + b);
    expect(report.answered + failed).toBe(report.sent);
    expect(report.failures.get('status 503 no instance')).toBeGreaterThan(5);
    expect(report.failures.size).toBeGreaterThanOrEqual(3);
    expect(report.bodies.get('fine')).toBe(report.answered);
  });
});
