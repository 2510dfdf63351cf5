export { createDockerLauncher } from './docker-launcher.ts';
export type { DockerLauncherParts } from './docker-launcher.ts';
