import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { syntheticCluster } from './synthetic.ts';

/**
 * A fake master for one follower: prints its port, then answers. `POST /change` moves on to the next generation, where
 * one task in a hundred has another port.
 */
export function serveMaster(tasks: number, mode: 'poll' | 'stream'): void {
  const cluster = syntheticCluster(tasks);
  let generation = 0;
  let state = mode === 'poll' ? cluster.v0(generation) : Buffer.alloc(0);
  const subscribed = mode === 'stream' ? cluster.v1(generation) : Buffer.alloc(0);
  const server = createServer((request, response) => {
    if (request.url === '/change') {
      state = cluster.v0(++generation);
      response.end();
    } else if (request.url === '/master/state' && mode === 'poll') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': state.length });
      response.end(state);
    } else if (request.url === '/api/v1' && mode === 'stream') {
      request.on('data', (body: Buffer) => {
        if (!body.toString().includes('SUBSCRIBE')) return void response.writeHead(501).end();
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(subscribed);
        setInterval(() => response.write('20\n{"type":"HEARTBEAT"}'), 15_000).unref();
      });
    } else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1', () => {
    const size = mode === 'poll' ? state.length : subscribed.length;
    process.stdout.write(
      `${JSON.stringify({ port: (server.address() as AddressInfo).port, bytes: size })}\n`,
    );
  });
}
