import { errorText } from '../../core/errors.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { listen, stopListening } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import type { Predecessor } from '../../core/predecessor.ts';
import { dnsErrors } from '../errors.ts';
import { createDcosApi } from './api.ts';
import type { DcosApiParts } from './api.ts';

/** The REST API of dcos-net on a port of its own. */
export class DcosRest implements Component {
  readonly name = 'dcos-rest';
  readonly #api: Api;
  readonly #tls: MutualTls | undefined;
  readonly #predecessor: Predecessor | undefined;
  readonly #host: string;
  #port: number;

  constructor(
    parts: DcosApiParts & {
      readonly host: string;
      readonly port: number;
      readonly predecessor?: Predecessor;
      readonly tls?: MutualTls | undefined;
    },
  ) {
    this.#api = createDcosApi(parts);
    this.#host = parts.host;
    this.#predecessor = parts.predecessor;
    this.#tls = parts.tls;
    this.#port = parts.port;
  }

  /** The real one once started. */
  get address(): { readonly ip: string; readonly port: number } {
    return { ip: this.#host, port: this.#port };
  }

  /** Throws DNS_DCOS_HTTP_BIND_FAILED. */
  async start(): Promise<void> {
    const [host, port] = [this.#host, this.#port];
    try {
      this.#port = await listen(this.#api, host, port, this.#predecessor?.sockets, { tls: this.#tls });
    } catch (error) {
      throw dnsErrors.DNS_DCOS_HTTP_BIND_FAILED({ host, port, reason: errorText(error) }, error);
    }
  }

  handOver(): void {
    stopListening(this.#api);
  }

  async stop(): Promise<void> {
    await this.#api.close();
  }
}
