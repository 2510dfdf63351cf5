/** TLS towards instances. */
export interface UpstreamTlsPolicy {
  /** We show our own identity. */
  readonly mutual: boolean;
  /** `system`, `identity`, `none`, or the name of an authority of the configuration. */
  readonly trust: string;
  readonly serverName?: string;
  /** The id that their certificate must have; `*` is any one part of its path. */
  readonly spiffeId?: string;
}
