import { netErrors } from '../errors.ts';
import type { JudgePeer, Peer } from '../types.ts';

/** What a client has to say of the server's certificate, whose chain is good: an error where it is not whom it wants. */
export function judged(
  judge: JudgePeer | undefined,
  certificate: Uint8Array | undefined,
  { ip, port }: Peer,
): Error | undefined {
  if (judge === undefined) return undefined;
  const reason = certificate === undefined ? 'it has shown none' : judge(certificate);
  return reason === undefined ? undefined : netErrors.NET_PEER_NOT_TRUSTED({ ip, port, reason });
}
