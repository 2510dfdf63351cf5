import { defineErrors } from '../core/errors.ts';

export const agentErrors = defineErrors({
  AGENT_WORK_DIR: {
    message: 'the work folder {path} cannot be used: {problem}',
    hint: 'Create {path}, or let agent.workDir name a folder that this user may write.',
  },
  AGENT_LISTEN: {
    message: 'the agent API cannot listen on {host}:{port}: {problem}',
    hint: 'Stop what uses the port, or set agent.port to another one (0 takes any).',
  },
  AGENT_CHECKPOINT_VERSION: {
    message: 'the checkpoint {path} has format {version}, this agent knows {known}',
    hint: 'Run the newer version again, or start with an empty agent.workDir after the tasks have ended.',
  },
  AGENT_CHECKPOINT_DAMAGED: {
    message: 'the checkpoint {path} cannot be read: {problem}',
    hint: 'Restore the file, or remove it: the agent then registers as a new one.',
  },
  AGENT_RECONFIGURED: {
    message: 'agent {agentId} cannot go on with this configuration: {problem}',
    hint: "Take the changes back (agent.reconfigurationPolicy is '{policy}'; 'additive' permits more resources and attributes), or remove meta/agent.json from agent.workDir: the agent then ends the tasks that it has and joins as a new one.",
  },
  AGENT_FETCH: {
    message: 'Failed to fetch {uri}: {problem}',
    hint: 'Check that the URI can be reached from the agent, or give the task another one.',
  },
  AGENT_NO_MTLS: {
    message: 'the task asks for mutual TLS (rimrock.mtls, rimrock.upstreams), which this agent cannot give',
    hint: 'Give tasks identities (docs/operations/task-identity.md): the agent needs auth.workload and an authority.',
  },
  AGENT_MTLS_NETWORK: {
    message:
      'the task asks for mutual TLS (rimrock.mtls, rimrock.upstreams) and for the network {network} of Docker, past which its guards would be',
    hint: 'Give the container the network HOST, or leave the labels out.',
  },
  AGENT_ISOLATION: {
    message: 'tasks cannot be held in control groups: {problem}',
    hint: "Run the agent as root on a Linux whose cgroups it may write, or set agent.isolation to 'auto' or 'process'.",
  },
  AGENT_LAUNCH: {
    message: 'Failed to launch container: {problem}',
    hint: 'Look at the command and the sandbox of the task.',
  },
});
