import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it arrived behind a proxy. */
export interface Recorded {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly body: string;
}

/** What stands behind a proxy and writes down every complete request in the order in which it answers them. */
export class Recorder {
  readonly seen: Recorded[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
      let body = '';
      request.setEncoding('latin1');
      request.on('data', (piece: string) => void (body += piece));
      request.on('error', () => {});
      request.on('end', () => {
        const { method = '', url = '' } = request;
        this.seen.push({ method, url, host: request.headers.host ?? '', body });
        const text = `${method} ${url}`;
        response.setHeader('content-length', Buffer.byteLength(text));
        response.end(text);
      });
    });
    this.#server.on('checkContinue', (request, response) => {
      response.writeContinue();
      this.#server.emit('request', request, response);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => void this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
