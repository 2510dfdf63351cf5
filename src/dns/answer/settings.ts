/** A zone of ours. Names are folded and on the wire. */
export interface ServedZone {
  readonly apex: Uint8Array;
  /** Also before anything is known of the cluster: its names do not depend on it. */
  readonly fixed: boolean;
}

/** A zone under another name: questions below `from` are answered as if asked below `to`, which is one of ours. */
export interface AliasZone {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** What every thread that answers needs to know; plain data. */
export interface AnswerSettings {
  /** Longest names first. */
  readonly zones: readonly ServedZone[];
  readonly aliases: readonly AliasZone[];
  /** Largest UDP reply. */
  readonly udpPayloadBytes: number;
  readonly setTruncateBit: boolean;
  /** Whether to say that recursion is available. */
  readonly recurseOn: boolean;
  /** Whether names outside the zones are for somebody to look after; else they are refused. */
  readonly forwards: boolean;
  /** What to call this server (RFC 5001); empty for nothing. */
  readonly nsid: Uint8Array;
  /** How long a TCP connection may be idle, in 100 ms (RFC 7828). */
  readonly tcpIdleTenths: number;
}
