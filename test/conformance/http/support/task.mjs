// An instance for rolling deployments, on PORT0. MODE graceful: at SIGTERM it takes no more connections, finishes what runs and exits;
// MODE stubborn: it does not know SIGTERM and must be killed. `?ms=` is how long an answer takes.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const ms = Number(new URL(request.url, 'http://task').searchParams.get('ms') ?? 0);
  setTimeout(() => response.end(`${process.env.MESOS_TASK_ID}\n`), ms);
});
server.listen(Number(process.env.PORT0), '0.0.0.0');
process.on('SIGTERM', () => {
  if (process.env.MODE === 'graceful') server.close();
});
