import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

async function until(what: string, seconds: number, is: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    if (await is()) return;
    await sleep(50);
  }
  throw new Error(`${what} within ${seconds} s`);
}

/** Resolves once something listens at a port of 127.0.0.1; rejects after `seconds`. */
export const untilOpen = (port: number, seconds = 20): Promise<void> =>
  until(
    `nothing listens on port ${port}`,
    seconds,
    () =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          resolve(true);
        });
        socket.on('error', () => resolve(false));
      }),
  );

/** Resolves once a request for `host` is answered with 200; rejects after `seconds`. */
export const untilServed = (port: number, host: string, seconds = 60): Promise<void> =>
  until(`port ${port} does not serve ${host}`, seconds, async () => (await statusOf(port, host)) === 200);

/** The status of a request by a connection of its own; undefined when there is no answer. */
const statusOf = (port: number, host: string): Promise<number | undefined> =>
  new Promise((resolve) => {
    request({ host: '127.0.0.1', port, path: '/1k', agent: false, headers: { host } })
      .on('response', (response) => response.resume().on('close', () => resolve(response.statusCode)))
      .on('error', () => resolve(undefined))
      .end();
  });
