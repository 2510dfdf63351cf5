import { threadId, workerData } from 'node:worker_threads';
import type { UdpWorkerSetup } from '../server/udp-messages.ts';
import { runUdpWorker } from '../server/udp-worker-run.ts';
import type { CreateUdpHandler } from '../server/udp-worker-run.ts';

// A worker that does what the first word of a datagram says, for the tests of the service.

interface Settings {
  readonly failAtStart?: boolean;
}

const { worker } = workerData as UdpWorkerSetup;

const createHandler: CreateUdpHandler = (settings, main) => {
  if ((settings as Settings).failAtStart) throw new Error('cannot start, as asked');
  let atTheEnd: string | undefined;
  return {
    begin: () => {},
    handle({ request, start, end, reply, replyAt }, returnAddress) {
      const bytes = request.slice(start, end);
      const word = Buffer.from(bytes).toString();
      if (word === 'cold') main.cold({ bytes, from: returnAddress() });
      else if (word === 'sample') main.sample(bytes);
      else if (word === 'fault') throw new Error('as asked');
      else if (word === 'spin') for (;;);
      else if (word === 'throw' || word === 'exit') atTheEnd = word;
      else {
        const text = `${word} ${worker} ${threadId}`;
        return Buffer.from(reply.buffer, reply.byteOffset + replyAt).write(text);
      }
      return 0;
    },
    end() {
      if (atTheEnd === 'throw') throw new Error('died as asked');
      // oxlint-disable-next-line no-restricted-properties -- ends this thread only, which is what is tested
      if (atTheEnd === 'exit') process.exit(3);
    },
  };
};

await runUdpWorker(createHandler);
