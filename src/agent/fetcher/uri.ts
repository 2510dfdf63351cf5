import { posix } from 'node:path';
import { IDENTITY_FOLDER } from '../../core/identity.ts';
import type { CommandUri } from '../../mesos/index.ts';
import { SECRETS_FOLDER } from '../checkpoint/layout.ts';

/** The formats that are unpacked; the compression of a tar archive is seen by its first bytes. */
export type ArchiveKind = 'tar' | 'zip' | 'gz';

export interface FetchPlan {
  /** For people: without a password. */
  readonly shown: string;
  readonly source:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'http'; readonly url: string };
  /** Where it lands, relative to the sandbox, with `/`. */
  readonly target: string;
  readonly executable: boolean;
  /** How it is unpacked; undefined when it stays as it is. */
  readonly archive: ArchiveKind | undefined;
  readonly cache: boolean;
  /** What its bytes must come to, in lower case hex. */
  readonly sha256: string | undefined;
}

export type Planned =
  | { readonly ok: true; readonly plan: FetchPlan }
  | { readonly ok: false; readonly problem: string };

const ARCHIVES: readonly (readonly [RegExp, ArchiveKind])[] = [
  [/[.](tar|tar[.]gz|tgz|tar[.]bz2|tbz2|tar[.]xz|txz)$/, 'tar'],
  [/[.]zip$/, 'zip'],
  [/.[.]gz$/, 'gz'],
];

/** What Rimrock itself keeps in a sandbox: nothing that is fetched may be in its place. */
export const RESERVED: ReadonlySet<string> = new Set([IDENTITY_FOLDER, SECRETS_FOLDER]);

/**
 * What to do for one URI of a command (mesos-api.md §2.8, fetcher), or why it cannot be done. `#sha256=<hex>` at its end is not part of the
 * address: it says what the bytes must come to.
 */
export function planFetch(uri: CommandUri, frameworksHome?: string): Planned {
  const [, text = '', digest] = /^([^#]*)#sha256=(.*)$/s.exec(uri.value) ?? [undefined, uri.value];
  if (digest !== undefined && !/^[0-9a-f]{64}$/i.test(digest))
    return no('the checksum after #sha256= must be 64 hexadecimal digits');
  const source = sourceOf(text, frameworksHome);
  if (typeof source === 'string') return no(source);
  const path = source.kind === 'file' ? source.path : decoded(new URL(source.url).pathname);
  const target = targetOf(uri, path);
  if (target === undefined)
    return no('output_file must be a relative path that stays in the sandbox, and a name is needed');
  if (RESERVED.has(target.split('/')[0] ?? '')) return no(`the name '${target}' is used by the agent itself`);
  const executable = uri.executable ?? false;
  const unpack = !executable && (uri.extract ?? true);
  const archive = unpack ? ARCHIVES.find(([name]) => name.test(target))?.[1] : undefined;
  const cache = uri.cache ?? false;
  return {
    ok: true,
    plan: {
      shown: shownUri(uri.value),
      source,
      target,
      executable,
      archive,
      cache,
      sha256: digest?.toLowerCase(),
    },
  };
}

const no = (problem: string): Planned => ({ ok: false, problem });

/** The URI as it may be told to others: passwords are not. */
export function shownUri(uri: string): string {
  return uri.replace(/^(\w+:\/\/[^/:@]*):[^/]*@/, '$1:***@');
}

function sourceOf(text: string, frameworksHome: string | undefined): FetchPlan['source'] | string {
  if (text.includes('\0')) return 'a URI has no NUL';
  if (text.startsWith('/')) return { kind: 'file', path: text };
  const scheme = /^([a-z][\w+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    if (text === '') return 'the URI is empty';
    return frameworksHome === undefined
      ? 'a relative path needs agent.fetcher.frameworksHome; write file:///path, /path, http:// or https://'
      : { kind: 'file', path: posix.join(frameworksHome, text) };
  }
  if (!URL.canParse(text)) return 'it is no URI that can be read';
  const url = new URL(text);
  if (scheme === 'file')
    return url.host === ''
      ? { kind: 'file', path: decoded(url.pathname) }
      : 'write file:/// and an absolute path: files of other machines are not fetched';
  if (scheme === 'http' || scheme === 'https') return { kind: 'http', url: text };
  return `${scheme}: is not fetched; write an absolute path, file://, http:// or https://`;
}

function targetOf(uri: CommandUri, path: string): string | undefined {
  const wanted = uri.output_file ?? posix.basename(path);
  const target = posix.normalize(wanted);
  const leaves = target === '..' || target.startsWith('../') || posix.isAbsolute(target);
  const unnamed = wanted === '' || target === '.' || target.endsWith('/');
  return unnamed || leaves || /[\0\\]/.test(wanted) ? undefined : target;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
