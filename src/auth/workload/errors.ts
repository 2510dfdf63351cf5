import { defineErrors } from '../../core/errors.ts';

export const workloadErrors = defineErrors({
  AUTH_SIGN_NOT_PROVEN: {
    message: 'nothing proves that agent {agentId} asks: {reason}',
    hint: 'An agent asks with its certificate (spiffe://<trust domain>/agent/<agent id>); where auth.required is false, any process of this machine may.',
  },
  AUTH_SIGN_BAD_REQUEST: {
    message: 'nothing can be signed for this: {reason}',
    hint: 'Send agentId, frameworkId and taskId, and a request (PKCS#10, PEM) that is signed with its own key, or audiences for a token.',
  },
  AUTH_SIGN_NO_TASK: {
    message: 'agent {agentId} runs no task {taskId} of framework {frameworkId}',
    hint: 'A task gets an identity as long as it runs, on the agent that runs it. Right after a restart of the master, agents register first.',
  },
  AUTH_SIGN_TOO_MANY: {
    message: 'agent {agentId} asks for too many identities at once',
    hint: 'It tries again by itself. auth.workload.signaturesPerSecond is what one agent gets.',
  },
  AUTH_WORKLOAD_LATE: {
    message: 'there is no identity for task {taskId} after {seconds} s: {reason}',
    hint: 'Look whether the certificate authority answers (`rimrock ca state`), and at the log of the agent.',
  },
  AUTH_WORKLOAD_AUTHORITY: {
    message: 'the certificate authority at {url} answers {status}: {reason}',
    hint: 'Look at auth.workload.authority of the agent, and at the log of the authority.',
  },
  AUTH_WORKLOAD_SOCKETS: {
    message: 'no folder for the sockets of tasks: {reason}',
    hint: 'Let auth.workload.socketFolder name a folder of at most {longest} characters that only this user may enter.',
  },
});
