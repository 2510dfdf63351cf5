// A task for the tests: an HTTP server on PORT0 that answers with its task id, and dies at once on SIGTERM.
import { createServer } from 'node:http';

createServer((_request, response) => response.end(`${process.env.MESOS_TASK_ID}\n`)).listen(
  Number(process.env.PORT0),
  '0.0.0.0',
);
