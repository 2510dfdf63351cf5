import { createHttpClient } from './client.ts';
import type { HttpClient, HttpClientOptions } from './client.ts';
import { createApi, listen } from './server.ts';

/** Sockets as a dependency: how a part of the control plane reaches others, and where it is reached. */
export interface Sockets {
  readonly createClient: (options?: HttpClientOptions) => HttpClient;
  readonly createApi: typeof createApi;
  readonly listen: typeof listen;
}

/** Those of the machine. */
export const systemSockets: Sockets = { createClient: createHttpClient, createApi, listen };
