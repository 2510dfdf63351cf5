import { runLauncherContract } from '../launcher/launcher.contract.ts';
import { FakeMachine } from './fake-launcher.ts';

const machine = new FakeMachine();

runLauncherContract('fake launcher', () => ({
  make: () => machine.launcher(),
  commands: {
    exit: (code) => ['exit', String(code)],
    patient: ['patient'],
    stubborn: ['stubborn'],
    missing: ['missing'],
  },
}));
