/** Sockets that were bound before this process began. */
export interface InheritedSockets {
  /** Whether there are some for this address that nobody has taken yet. */
  has(protocol: 'tcp' | 'udp', host: string, port: number): boolean;
  /**
   * Descriptors of the sockets that are bound there: whoever takes them owns them. Each is given out once, so that who opens
   * the address again later binds it as usual.
   */
  take(protocol: 'tcp' | 'udp', host: string, port: number): readonly number[];
}

/**
 * Who did our work before us: the same program, perhaps an older version of it, which goes on at the same sockets until we
 * are ready; or systemd, which has opened them for us.
 */
export interface Predecessor {
  readonly sockets: InheritedSockets;
  /** What the part of that name told its successor (see `Component.stateForSuccessor`); undefined when it said nothing. */
  stateOf(part: string): unknown;
  /**
   * Resolves as soon as `isReady` holds, after `limitMs` at the latest: to be waited for before anything is answered at an
   * address where another process answers well. At once when nobody is there.
   */
  until(isReady: () => boolean, limitMs?: number): Promise<void>;
  /** Aborted once we serve instead of it: what outlives a process, and is changed by one at a time, is ours from then on. */
  readonly replaced: AbortSignal;
}

/** The usual case: this process binds its sockets itself. */
export const NO_PREDECESSOR: Predecessor = {
  sockets: { has: () => false, take: () => [] },
  stateOf: () => undefined,
  until: async () => {},
  replaced: AbortSignal.abort(),
};
