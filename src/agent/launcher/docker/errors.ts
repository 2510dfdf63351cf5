import { defineErrors } from '../../../core/errors.ts';

export const dockerErrors = defineErrors({
  AGENT_DOCKER_DOWN: {
    message: 'the Docker engine at {socket} does not answer: {problem}',
    hint: 'Start the engine (systemctl start docker), let agent.docker.socket name its socket, and let the agent be a user who may open it.',
  },
  AGENT_DOCKER_ENGINE: {
    message: 'the Docker engine refuses to {operation}: {problem}',
    hint: 'Look at the log of the engine and at what the task asks for in its container.',
  },
  AGENT_DOCKER_PULL: {
    message: 'the image {image} cannot be pulled: {problem}',
    hint: 'Check the name of the image and that the agent reaches its registry; give logins by agent.docker.credentials or a .docker/config.json among the URIs of the task.',
  },
  AGENT_DOCKER_REFUSED: {
    message: 'this container is not run: {problem}',
    hint: 'Change the container of the task, or have the operator of the agent allow it (agent.docker).',
  },
});
