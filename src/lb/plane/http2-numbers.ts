/** Connections that speak HTTP/2, and the streams in them, open now. Plain data. */
export interface Http2Numbers {
  readonly clients: { readonly connections: number; readonly streams: number };
  readonly instances: { readonly connections: number; readonly streams: number };
}
