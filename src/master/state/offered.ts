import type { Resource } from '../../mesos/index.ts';
import { unallocated } from '../../mesos/index.ts';
import { covers, parcelOf } from '../allocator/index.ts';
import type { Parcel } from '../allocator/index.ts';
import { viewOf } from './free.ts';
import type { AgentEntry } from './model.ts';

/** What was refused of an agent; the very parcel that is free of it where that is all of it, so that a look tells. */
export function refusedOf(agent: AgentEntry | undefined, resources: readonly Resource[]): Parcel {
  const parcel = parcelOf(unallocated(resources));
  const free = agent && viewOf(agent).free;
  return free && covers(free, parcel) && covers(parcel, free) ? free : parcel;
}
