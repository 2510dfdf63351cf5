import { posix } from 'node:path';
import type { CommandUri } from '../../mesos/index.ts';

export interface FetchPlan {
  readonly uri: string;
  readonly source:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'http'; readonly url: string };
  /** Where it lands, relative to the sandbox, with `/`. */
  readonly target: string;
  readonly executable: boolean;
  /** The command that unpacks it, with `{}` for the file; undefined when it stays as it is. */
  readonly extract: readonly string[] | undefined;
}

export type Planned =
  | { readonly ok: true; readonly plan: FetchPlan }
  | { readonly ok: false; readonly problem: string };

const EXTRACT: readonly (readonly [RegExp, readonly string[]])[] = [
  [/[.](tar|tar[.]gz|tgz|tar[.]bz2|tbz2|tar[.]xz|txz)$/, ['tar', '-xf', '{}']],
  [/[.]zip$/, ['unzip', '-o', '-q', '{}']],
  [/[.]gz$/, ['gunzip', '-k', '-f', '{}']],
];

/** What to do for one URI of a command (mesos-api.md §2.8, fetcher), or why it cannot be done. */
export function planFetch(uri: CommandUri): Planned {
  const text = uri.value;
  const source = sourceOf(text);
  if (!source)
    return { ok: false, problem: 'only absolute paths, file://, http:// and https:// are fetched' };
  const target = targetOf(uri, source.kind === 'file' ? source.path : new URL(source.url).pathname);
  if (target === undefined)
    return {
      ok: false,
      problem: 'output_file must be a relative path that stays in the sandbox, and a name is needed',
    };
  const executable = uri.executable ?? false;
  const unpack = !executable && (uri.extract ?? true);
  const extract = unpack ? EXTRACT.find(([name]) => name.test(target))?.[1] : undefined;
  return { ok: true, plan: { uri: text, source, target, executable, extract } };
}

function sourceOf(text: string): FetchPlan['source'] | undefined {
  if (text.startsWith('/')) return { kind: 'file', path: text };
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol === 'file:') return { kind: 'file', path: decoded(url.pathname) };
  if (url.protocol === 'http:' || url.protocol === 'https:') return { kind: 'http', url: text };
  return undefined;
}

function targetOf(uri: CommandUri, path: string): string | undefined {
  const wanted = uri.output_file ?? posix.basename(decoded(path));
  const target = posix.normalize(wanted);
  const leaves = target === '..' || target.startsWith('../') || posix.isAbsolute(target);
  return wanted === '' || target === '.' || leaves || wanted.includes('\0') ? undefined : target;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
