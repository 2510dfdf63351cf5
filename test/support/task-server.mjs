// A task for the tests: an HTTP server on PORT0 that answers with its task id, and dies at once on SIGTERM.
// `/?ms=500` answers only after that time.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const ms = Number(new URL(request.url, 'http://task').searchParams.get('ms') ?? 0);
  const answer = () => response.end(`${process.env.MESOS_TASK_ID}\n`);
  if (ms > 0) setTimeout(answer, ms);
  else answer();
});
server.listen(Number(process.env.PORT0), '0.0.0.0');
