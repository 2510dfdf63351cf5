import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServerResponse } from 'node:http';
import { list, record, subscribedWith } from '../support/operator.ts';
import { task } from './cluster.ts';
import type { Instance } from './cluster.ts';

/** A master of whom there is only the event stream of the operator API. */
export interface Master {
  readonly address: string;
  /** Tell all who follow; returns the time when it was handed over, nanoseconds of CLOCK_MONOTONIC. */
  send(...events: readonly object[]): bigint;
  close(): void;
}

/** Start a master of these instances in this process. */
export async function startMaster(instances: readonly Instance[]): Promise<Master> {
  const first = subscribedWith(list(instances.length, (i) => task(instances[i] as Instance)));
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url !== '/api/v1') return void response.writeHead(404).end();
      streams.add(response);
      response.on('close', () => streams.delete(response)).on('error', () => {});
      response.writeHead(200, { 'content-type': 'application/json' }).write(first);
    });
  });
  const send = (...events: readonly object[]): bigint => {
    const bytes = Buffer.concat(events.map((event) => record(JSON.stringify(event))));
    const now = process.hrtime.bigint();
    for (const stream of streams) stream.write(bytes);
    return now;
  };
  const heart = setInterval(() => send({ type: 'HEARTBEAT' }), 15_000);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    send,
    close() {
      clearInterval(heart);
      server.close();
      server.closeAllConnections();
    },
  };
}
