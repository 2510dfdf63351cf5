import { errorText } from '../core/errors.ts';
import type { DatagramOptions, DatagramSockets } from './datagram-sockets.ts';
import { netErrors } from './errors.ts';
import { loadLibc, refusedCall } from './linux/libc.ts';
import type { LibcOrWhyNot } from './linux/libc.ts';
import { LinuxSockets } from './linux/sockets.ts';
import { openPortable } from './portable/datagrams.ts';

/** Open sockets for datagrams with the engine that fits, or the one that was asked for. Rejects when the address cannot be bound. */
export async function openDatagrams(
  options: DatagramOptions,
  load: () => Promise<LibcOrWhyNot> = loadLibc,
): Promise<DatagramSockets> {
  if (options.engine === 'portable') return openPortable(options, 'as configured');
  const { libc, whyNot = libc && refusedCall(libc) } = await load();
  if (!libc || whyNot !== undefined) {
    if (options.engine === 'linux')
      throw netErrors.NET_ENGINE_UNAVAILABLE({ engine: 'linux', reason: whyNot });
    return openPortable(options, `the linux engine does not run here: ${whyNot}`);
  }
  const reason = options.engine === 'auto' ? 'the fastest that runs here' : 'as configured';
  try {
    return new LinuxSockets(libc, options, reason);
  } catch (error) {
    const { host, port } = options;
    throw netErrors.NET_LISTEN_FAILED({ protocol: 'udp', host, port, reason: errorText(error) }, error);
  }
}
