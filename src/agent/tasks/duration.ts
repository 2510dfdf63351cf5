/** Whole-number fields may come as text on the wire (mesos-api.md §0.2). What is no length of time is left out. */
export function toMs(duration: { readonly nanoseconds: number | string } | undefined): number | undefined {
  const ms = Number(duration?.nanoseconds ?? Number.NaN) / 1e6;
  return ms >= 0 ? ms : undefined;
}
