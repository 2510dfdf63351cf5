import type { ConsulKey } from '../../core/http/consul-key.ts';
import { masterPlaces } from '../../mesos/index.ts';
import { parseZooKeeperUrl } from '../zookeeper/index.ts';
import type { ZooKeeperAddress } from '../zookeeper/index.ts';

/** Where masters are found, as `cluster.zk` (and `Zk` of Mesos-DNS) says it. */
export type DetectorSpec =
  | { readonly kind: 'zookeeper'; readonly address: ZooKeeperAddress }
  | { readonly kind: 'consul'; readonly key: ConsulKey }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'standalone'; readonly address: string };

/**
 * Read `zk://[user:password@]host:port,host:port/path`, `consul://[:token@]host:port/prefix`, `file:///path` of a file that holds such an address, or
 * `host:port` of one master to ask (mesos-dns.md §2). A text says what is wrong.
 */
export function parseDetectorSpec(given: string): DetectorSpec | string {
  const text = given.trim();
  if (/^zk:/i.test(text)) {
    const address = parseZooKeeperUrl(text);
    return typeof address === 'string' ? address : { kind: 'zookeeper', address };
  }
  if (/^consuls?:/i.test(text)) {
    const places = masterPlaces(text);
    if (typeof places === 'string') return places;
    if (places.kind === 'consul') return places;
  }
  if (/^file:/i.test(text)) {
    const path = text.replace(/^file:\/\//i, '');
    if (path.startsWith('/') && path.length > 1) return { kind: 'file', path };
    return 'a file is named with its whole path: file:///etc/mesos/zk';
  }
  const m = /^(?:\[[0-9a-f:.]+\]|[^\s:/[\]@,]+):(\d{1,5})$/i.exec(text);
  if (m && Number(m[1]) >= 1 && Number(m[1]) <= 65_535) return { kind: 'standalone', address: text };
  return 'write zk://host:port,host:port/path, consul://host:port/prefix, file:///path or host:port';
}

/** What is wrong with the text, in words that never hold its password; undefined when nothing is. */
export function detectorProblem(text: string): string | undefined {
  const spec = parseDetectorSpec(text);
  return typeof spec === 'string' ? spec : undefined;
}
