import type { ClientSide, ForwardContext } from './context.ts';

/** The request is sent. While its client takes nothing no answer is read either, and there being none is not the instance's fault. */
export function awaitAnswer(ctx: ForwardContext, client: ClientSide): void {
  if (client.blocked) return awaitStream(ctx, client);
  client.setDeadline('first-byte', ctx.clock.monotonic() + ctx.config.timeouts.firstByteMs);
}

/** Bytes must go on moving. */
export function awaitStream({ clock, config }: ForwardContext, client: ClientSide): void {
  client.setDeadline('stream', clock.monotonic() + config.timeouts.streamIdleMs);
}
