import type { SimProcess } from './process.ts';
import type { World } from './world.ts';

/** The network as its connections see it. */
interface Network {
  readonly world: World;
  /** How long the next piece is on its way, milliseconds. */
  delay(from: string, to: string): number;
  passes(from: string, to: string): boolean;
  isDown(host: string): boolean;
  forget(connection: Connection): void;
}

interface Item {
  readonly at: number;
  readonly deliver: () => void;
}

/** One direction of a connection: what is sent arrives in order, late, or not at all. */
class Pipe {
  readonly #network: Network;
  readonly #from: SimProcess;
  readonly #to: SimProcess;
  readonly #queue: Item[] = [];
  #lastAt = 0;
  #timer: { cancel(): void } | undefined;
  #closed = false;

  constructor(network: Network, from: SimProcess, to: SimProcess) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
  }

  send(deliver: () => void): void {
    if (this.#closed) return;
    const at = Math.max(
      this.#lastAt,
      this.#network.world.now + this.#network.delay(this.#from.host, this.#to.host),
    );
    this.#lastAt = at;
    this.#queue.push({ at, deliver });
    this.pump();
  }

  /** Nothing more gets through. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
    this.#timer?.cancel();
  }

  pump(): void {
    const [head] = this.#queue;
    if (!head || this.#timer || this.#closed) return;
    const { world } = this.#network;
    this.#timer = world.after(head.at - world.now, () => {
      this.#timer = undefined;
      if (!this.#network.passes(this.#from.host, this.#to.host)) return; // until it passes again
      this.#queue.shift();
      this.#to.run(head.deliver);
      this.pump();
    });
  }
}

/** What one end of a connection hears of the other. */
export interface End {
  /** The connection is gone. */
  lost(why: string): void;
}

/** A TCP connection between two processes. */
export class Connection {
  readonly client: SimProcess;
  readonly server: SimProcess;
  readonly #network: Network;
  readonly #toServer: Pipe;
  readonly #toClient: Pipe;
  clientEnd: End | undefined;
  serverEnd: End | undefined;
  #over = false;
  /** Whose machine forgot this connection. */
  #vanished: string | undefined;

  constructor(network: Network, client: SimProcess, server: SimProcess) {
    this.#network = network;
    this.client = client;
    this.server = server;
    this.#toServer = new Pipe(network, client, server);
    this.#toClient = new Pipe(network, server, client);
    client.atDeath(() => this.leave('client'));
    server.atDeath(() => this.leave('server'));
  }

  get over(): boolean {
    return this.#over;
  }

  touches(host: string): boolean {
    return this.client.host === host || this.server.host === host;
  }

  send(from: 'client' | 'server', deliver: () => void): void {
    if (this.#vanished !== undefined) return this.#answerOfStranger(from);
    (from === 'client' ? this.#toServer : this.#toClient).send(deliver);
  }

  /** One end closes it (or has died): the other hears of that after all that was sent before. */
  leave(who: 'client' | 'server'): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#vanished !== undefined) return this.#end();
    (who === 'client' ? this.#toClient : this.#toServer).close();
    (who === 'client' ? this.#toServer : this.#toClient).send(() => {
      this.#end();
      (who === 'client' ? this.serverEnd : this.clientEnd)?.lost('the other end closed the connection');
    });
  }

  /** Something on the way cuts it: what is under way is lost, both ends hear of it. */
  cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.#end();
    const { world } = this.#network;
    const delay = this.#network.delay(this.client.host, this.server.host);
    const tell = (process: SimProcess, end: End | undefined): void =>
      void world.after(delay, () => process.run(() => end?.lost('connection reset')));
    tell(this.client, this.clientEnd);
    tell(this.server, this.serverEnd);
  }

  /** The machine of one end lost its power; the other end is not told. */
  vanish(host: string): void {
    this.#vanished ??= host;
    this.#toServer.close();
    this.#toClient.close();
  }

  pump(): void {
    this.#toServer.pump();
    this.#toClient.pump();
  }

  /** Who sends to a machine that has forgotten the connection is told so, once the machine is up again. */
  #answerOfStranger(from: 'client' | 'server'): void {
    const me = from === 'client' ? this.client : this.server;
    const { world } = this.#network;
    const ask = (): void => {
      if (!me.alive || this.#over) return this.#end();
      if (this.#network.isDown(this.#vanished ?? '')) return void world.after(1_000, ask);
      this.#over = true;
      this.#end();
      me.run(() => (from === 'client' ? this.clientEnd : this.serverEnd)?.lost('connection reset by peer'));
    };
    world.after(2 * this.#network.delay(this.client.host, this.server.host), ask);
  }

  #end(): void {
    this.#toServer.close();
    this.#toClient.close();
    this.#network.forget(this);
  }
}
