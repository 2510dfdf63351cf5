import { bool, integer, message, repeated, required, text } from './decode.ts';
import type { Field } from './decode.ts';

/** Field tables of planned maintenance and of draining (mesos-api.md §3.1). */

const nanoseconds = message({ nanoseconds: required(integer) });

export const machineId: Field = message({ hostname: text, ip: text });

export const schedule: Field = message({
  windows: repeated(
    message({
      machine_ids: repeated(machineId),
      unavailability: required(message({ start: required(nanoseconds), duration: nanoseconds })),
    }),
  ),
});

/** As it is kept and told to agents. */
export const drainConfig: Field = message({ max_grace_period: nanoseconds, mark_gone: bool });

/** As operators write it: a google.protobuf.Duration in JSON that is none of protobuf's own mapping. */
export const duration: Field = message({ seconds: integer, nanos: integer });
