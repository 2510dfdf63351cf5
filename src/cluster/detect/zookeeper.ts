import type { Clock, Timer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { sameValue } from '../model/index.ts';
import { ZooKeeperClient } from '../zookeeper/index.ts';
import type { Dial, ZooKeeperAddress } from '../zookeeper/index.ts';
import { addressOfJsonInfo, addressOfProtobufInfo } from './master-info.ts';
import type { DetectedMasters, DetectorListener, MasterDetector } from './types.ts';

export interface ZooKeeperDetectorParts {
  readonly address: ZooKeeperAddress;
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: Dial;
}

/** After an answer that says nothing (a node that may not be read, an address that is none), look again after this. */
const LOOK_AGAIN_MS = 5_000;
/** More masters than this do not stand for election. */
const MAX_CANDIDATES = 64;

/**
 * Follows the election of masters in ZooKeeper: each is a node `json.info_<number>` or (older) `info_<number>` below
 * the path, and the lowest number leads (mesos-dns.md §3.1).
 */
export class ZooKeeperDetector implements MasterDetector {
  readonly #parts: ZooKeeperDetectorParts;
  readonly #client: ZooKeeperClient;
  #listener: DetectorListener | undefined;
  #told: DetectedMasters | undefined;
  /** Counts what may have changed something; a look that was overtaken says nothing. */
  #turn = 0;
  #retry: Timer | undefined;

  constructor(parts: ZooKeeperDetectorParts) {
    this.#parts = parts;
    this.#client = new ZooKeeperClient({
      ...parts,
      listener: {
        onSession: () => this.#look(),
        onWatch: () => this.#look(),
        onTrouble: (reason) => {
          this.#turn++;
          this.#retry?.cancel();
          this.#listener?.onProblem(`no session with ZooKeeper: ${reason}`);
        },
      },
    });
  }

  start(listener: DetectorListener): void {
    this.#listener = listener;
    this.#client.start();
  }

  stop(): void {
    this.#listener = undefined;
    this.#turn++;
    this.#retry?.cancel();
    this.#client.stop();
  }

  #look(): void {
    const turn = ++this.#turn;
    this.#retry?.cancel();
    void this.#read().then((seen) => {
      if (turn !== this.#turn || seen === 'lost') return;
      if (seen === 'again') return this.#look();
      this.#listener?.onProblem(seen.problem);
      if (seen.problem !== undefined && !seen.waits)
        this.#retry = this.#parts.clock.after(LOOK_AGAIN_MS, () => this.#look());
      if (!seen.masters || sameValue(seen.masters, this.#told)) return;
      this.#told = seen.masters;
      this.#listener?.onMasters(seen.masters);
    });
  }

  async #read(): Promise<Seen | 'again' | 'lost'> {
    const { path } = this.#parts.address;
    const children = await this.#client.read('getChildren', path, true);
    if (!children.ok) {
      if (children.reason === 'lost') return 'lost';
      if (children.reason === 'no-node') return this.#awaitPath(path);
      return { problem: `${path} in ZooKeeper: ${children.text}`, masters: undefined, waits: false };
    }
    const names = candidates(children.body.strings());
    if (children.body.failed)
      return { problem: 'ZooKeeper answered nonsense', masters: undefined, waits: false };
    const addresses: (string | undefined)[] = [];
    let problem: string | undefined;
    for (const name of names) {
      const node = path === '/' ? `/${name}` : `${path}/${name}`;
      const data = await this.#client.read('getData', node, false);
      if (!data.ok && data.reason === 'lost') return 'lost';
      // Gone meanwhile: the watch on the children tells that as well, and this look counts no more.
      if (!data.ok && data.reason === 'no-node') continue;
      const address = data.ok ? addressOfInfo(name, data.body.buffer()) : undefined;
      if (address === undefined)
        problem ??= `${node} in ZooKeeper: ${data.ok ? 'it holds no address of a master' : data.text}`;
      addresses.push(address);
    }
    const [leader, ...rest] = addresses;
    const others = [...new Set(rest.filter((a) => a !== undefined && a !== leader))] as string[];
    if (addresses.length === 0) return { problem: NOBODY, masters: { leader, others }, waits: true };
    return { problem, masters: { leader, others }, waits: false };
  }

  /** There is no such path (yet): be told when there is. */
  async #awaitPath(path: string): Promise<Seen | 'again' | 'lost'> {
    const exists = await this.#client.read('exists', path, true);
    if (exists.ok) return 'again';
    if (exists.reason === 'lost') return 'lost';
    const waits = exists.reason === 'no-node';
    const problem = waits ? `${path} does not exist in ZooKeeper yet` : `${path}: ${exists.text}`;
    return { problem, masters: waits ? { leader: undefined, others: [] } : undefined, waits };
  }
}

const NOBODY = 'no master stands for election in ZooKeeper';

interface Seen {
  readonly problem: string | undefined;
  /** Undefined where nothing could be learned. */
  readonly masters: DetectedMasters | undefined;
  /** A watch will tell when this changes. */
  readonly waits: boolean;
}

/** The nodes of masters, the leader's first: those in JSON when there is one, else those in protobuf. */
function candidates(names: readonly string[]): string[] {
  const found = names.flatMap((name) => {
    const m = /^(json\.)?info_(-?\d{1,15})$/.exec(name);
    return m ? [{ name, json: m[1] !== undefined, number: Number(m[2]) }] : [];
  });
  const json = found.filter((f) => f.json);
  const used = json.length > 0 ? json : found;
  return used
    .sort((a, b) => a.number - b.number)
    .slice(0, MAX_CANDIDATES)
    .map((f) => f.name);
}

function addressOfInfo(name: string, data: Uint8Array): string | undefined {
  return name.startsWith('json.') ? addressOfJsonInfo(data) : addressOfProtobufInfo(data);
}
