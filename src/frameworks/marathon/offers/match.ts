import type { Random } from '../../../core/random.ts';
import type { Resource } from '../../../mesos/index.ts';
import type { App } from '../apps/app.ts';
import { appPorts } from '../apps/ports.ts';
import type { Place } from './constraints.ts';
import { meetsConstraint } from './constraints.ts';
import type { RejectReason } from './reasons.ts';
import { takePorts, takeScalar, usable } from './take.ts';

export type MatchResult =
  | {
      readonly ok: true;
      /** What the task takes out of the offer. */
      readonly resources: readonly Resource[];
      /** Host ports, in the order of the definition. */
      readonly ports: readonly number[];
    }
  | { readonly ok: false; readonly reasons: readonly [RejectReason, ...RejectReason[]] };

/** Whether one instance of `app` fits into `resources` at `place`, beside the app's `others`. Pure but for chance. */
export function matchOffer(
  app: App,
  resources: readonly Resource[],
  place: Place,
  others: readonly Place[],
  random: Random,
): MatchResult {
  const roles = new Set(app.acceptedResourceRoles ?? ['*', app.role]);
  const mine = usable(resources, roles);
  if (mine.length === 0) return { ok: false, reasons: ['UnfulfilledRole'] };
  if (!app.constraints.every((c) => meetsConstraint(c, place, others)))
    return { ok: false, reasons: ['UnfulfilledConstraint'] };

  const reasons: RejectReason[] = [];
  const taken: Resource[] = [];
  const scalar = (name: string, amount: number, reason: RejectReason): void => {
    const got = takeScalar(mine, name, amount);
    if (got) taken.push(...got);
    else reasons.push(reason);
  };
  scalar('cpus', app.cpus, 'InsufficientCpus');
  scalar('mem', app.mem, 'InsufficientMemory');
  scalar('disk', app.disk, 'InsufficientDisk');
  scalar('gpus', app.gpus, 'InsufficientGpus');
  const wanted = appPorts(app).flatMap((port) => port.hostPort ?? []);
  const ports = takePorts(mine, wanted, random);
  if (!ports) reasons.push('InsufficientPorts');

  const [first, ...rest] = reasons;
  if (first !== undefined) return { ok: false, reasons: [first, ...rest] };
  return { ok: true, resources: [...taken, ...(ports?.taken ?? [])], ports: ports?.ports ?? [] };
}
