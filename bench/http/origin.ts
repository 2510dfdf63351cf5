/** A plain origin: `node origin.ts <port>` answers every request with 1 KiB. */
import { createServer } from 'node:http';

const body = Buffer.alloc(1024, 'x');
const server = createServer((req, res) => {
  req.resume();
  res.setHeader('content-length', body.length);
  res.end(body);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
