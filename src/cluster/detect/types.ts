/** The masters as something outside of our configuration names them. Addresses are `host:port`, IPv6 in brackets. */
export interface DetectedMasters {
  /** Undefined while none leads, or none is known to. */
  readonly leader: string | undefined;
  /** The rest, in a stable order. */
  readonly others: readonly string[];
}

export interface DetectorListener {
  /** Told when what is known changes; the first time as soon as something is known, be it that nobody leads. */
  onMasters(masters: DetectedMasters): void;
  /** Why nothing new is known at the moment, for a person; undefined when all is well. What was told still holds. */
  onProblem(reason: string | undefined): void;
}

/** Finds the masters of a cluster and goes on looking. Nothing that happens outside makes it throw or end. */
export interface MasterDetector {
  start(listener: DetectorListener): void;
  /** Tell nothing more, and free what was used. */
  stop(): void;
}
