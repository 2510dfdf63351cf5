import { ReplayMaster } from '../../../support/replay-master.ts';
import { STANDARD, stateOf } from './cluster.ts';

// A make-believe master in a process of its own, so that it can be killed and paused: node master-process.ts PORT. Says `ready`.
const [port = '0'] = process.argv.slice(2);
const master = new ReplayMaster();
master.getState = stateOf(STANDARD);
master.heartbeatSeconds = 1;
await master.listen(Number(port));
process.stdout.write('ready\n');
