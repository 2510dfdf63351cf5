import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerSocket } from '../datagram-sockets.ts';
import type { DatagramHandler } from '../datagrams.ts';
import { receiveDatagrams } from '../receive/index.ts';

// A worker that sends back what comes, for the contract suite and for measuring; some words make it do something else.

const socket = workerData as WorkerSocket;
const post = (message: unknown): void => parentPort?.postMessage(message);
let dieAtTheEnd = false;

const handler: DatagramHandler = {
  begin: () => {},
  handle(datagram, returnAddress) {
    const { request, start, end, reply, replyAt, replyRoom } = datagram;
    if (end === start) {
      reply[replyAt] = 0x21;
      return 1;
    }
    if (request[start] !== 0x23) {
      // Not `subarray`, which allocates: this is what is measured against an echo in C.
      for (let i = 0; i < end - start; i++) reply[replyAt + i] = request[start + i] as number;
      return end - start;
    }
    const word = Buffer.from(request.subarray(start, end)).toString();
    if (word === '#late') post({ late: returnAddress() });
    else if (word === '#throw') throw new Error('as asked');
    else if (word === '#too-much') return replyRoom + 1;
    else if (word === '#nonsense') return Number.NaN;
    else if (word === '#die') dieAtTheEnd = true;
    else if (word === '#who') {
      const { address, addressAt, addressBytes, port } = datagram;
      const bytes = [...address.subarray(addressAt, addressAt + addressBytes)];
      const text = JSON.stringify({ worker: socket.worker, bytes, port });
      return Buffer.from(reply.buffer, reply.byteOffset + replyAt).write(text);
    }
    return 0;
  },
  end() {
    if (dieAtTheEnd) throw new Error('died as asked');
  },
};

await receiveDatagrams(socket, handler, {
  onListening: () => post('listening'),
  onFault: (error) => post({ fault: String(error) }),
});
post('ended');
