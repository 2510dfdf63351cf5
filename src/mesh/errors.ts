import { defineErrors } from '../core/errors.ts';

export const meshErrors = defineErrors({
  MESH_BAD_LABEL: {
    message: 'a label of the task is wrong: {problem}',
    hint: 'Correct the label; docs/operations/mesh.md has what it may say.',
  },
  MESH_NO_IDENTITY: {
    message: 'the task asks for mutual TLS, but gets no identity from this agent',
    hint: 'Give tasks identities (docs/operations/task-identity.md), or take the labels rimrock.mtls and rimrock.upstreams away.',
  },
  MESH_NO_CATALOG: {
    message: 'the task calls services by rimrock.upstreams, but this agent does not know where services are',
    hint: 'Try again when the agent runs: it is about to end, or no part of this process follows the cluster.',
  },
  MESH_UDP: {
    message: 'port {port} of the task carries UDP as well, which cannot be guarded',
    hint: 'Give UDP a port of its own, or set rimrock.mtls to off.',
  },
  MESH_NO_PORT: {
    message: 'no port is left between {first} and {last} for a task that speaks mutual TLS',
    hint: 'Widen the range: mesh.firstPort and mesh.lastPort.',
  },
  MESH_LISTEN: {
    message: 'cannot listen on behalf of the task: {problem}',
    hint: 'See who holds the port: a task with rimrock.mtls must listen where PORT0 says, not at the published port.',
  },
});
