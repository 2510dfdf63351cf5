/** The first of ours that they offer (RFC 7301 §3.2); undefined when none is, or nothing is offered. */
export function agreeOn(ours: readonly string[], offered: readonly string[]): string | undefined {
  return ours.find((protocol) => offered.includes(protocol));
}

/** Protocols as TLS has them: each with its length before it. */
export function protocolList(protocols: readonly string[]): Buffer {
  return Buffer.concat(
    protocols.map((protocol) => Buffer.from([protocol.length, ...Buffer.from(protocol, 'latin1')])),
  );
}
