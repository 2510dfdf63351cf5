import type { Clock } from '../../core/clock.ts';
import type { HttpResponse, TlsOptions } from '../../core/http/client.ts';
import type { Random } from '../../core/random.ts';
import type { Dial } from '../zookeeper/index.ts';
import { ConsulDetector } from './consul.ts';
import { FileDetector } from './file.ts';
import { parseDetectorSpec } from './spec.ts';
import { StandaloneDetector } from './standalone.ts';
import type { DetectorListener, MasterDetector } from './types.ts';
import { ZooKeeperDetector } from './zookeeper.ts';

export interface DetectorParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: Dial;
  /** How Consul is spoken to where it is https. */
  readonly consulTls?: TlsOptions | undefined;
  readFile(path: string): Promise<string>;
  /** `GET` a path of a master given as `host:port`. */
  get(address: string, path: string, signal: AbortSignal): Promise<HttpResponse>;
}

/** The detector for `cluster.zk`, or what is wrong with the text. Empty: nothing is looked for, and nobody is found. */
export function createDetector(text: string, parts: DetectorParts): MasterDetector | string {
  if (text.trim() === '') return new StaticDetector();
  return fromSpec(text, parts, false);
}

function fromSpec(text: string, parts: DetectorParts, insideFile: boolean): MasterDetector | string {
  const spec = parseDetectorSpec(text);
  if (typeof spec === 'string') return spec;
  if (spec.kind === 'zookeeper') return new ZooKeeperDetector({ ...parts, address: spec.address });
  if (spec.kind === 'consul') return new ConsulDetector({ ...parts, key: spec.key });
  if (spec.kind === 'standalone')
    return new StandaloneDetector({
      address: spec.address,
      clock: parts.clock,
      get: (path, signal) => parts.get(spec.address, path, signal),
    });
  if (insideFile) return 'a file that names another file is not followed';
  return new FileDetector({
    path: spec.path,
    clock: parts.clock,
    readFile: (path) => parts.readFile(path),
    make: (inside) => fromSpec(inside, parts, true),
  });
}

/** Masters are only those that are configured. */
class StaticDetector implements MasterDetector {
  start(_listener: DetectorListener): void {}
  stop(): void {}
}
