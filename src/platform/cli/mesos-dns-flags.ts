/** Words of a command line, and what to say about those that mean nothing here. */
export interface TranslatedWords {
  readonly words: readonly string[];
  readonly notes: readonly string[];
}

/** `-x`, `--x`, `-x=value`. */
const FLAG =
  /^--?(config|version|v|logtostderr|alsologtostderr|stderrthreshold|log_dir|log_backtrace_at|vmodule)(?:=(.*))?$/s;
/** They have a value only behind `=`. */
const SWITCHES: ReadonlySet<string> = new Set(['version', 'logtostderr', 'alsologtostderr']);

/**
 * The flags of Mesos-DNS, as Go reads them (mesos-dns.md §1), in words of ours, so that a unit file or an app needs but the name of
 * another program. Words that are not among them stay as they are.
 */
export function fromMesosDnsFlags(given: readonly string[]): TranslatedWords {
  const words: string[] = [];
  const notes: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const word = given[i] as string;
    const [, flag, text] = FLAG.exec(word) ?? [];
    if (flag === undefined) {
      words.push(word);
      continue;
    }
    const value = text ?? (SWITCHES.has(flag) ? undefined : given[++i]);
    if (flag === 'config') words.push('--config', ...(value === undefined ? [] : [value]));
    else if (flag === 'version') words.push('--version');
    else if (flag !== 'v') notes.push(`${word} is ignored: the log goes to stderr, or to log.file`);
    else if (value !== undefined && /^\d+$/.test(value)) words.push(...verbosity(Number(value)));
    else words.push(word);
  }
  return { words, notes };
}

/** 0 is errors only there; here warnings and the start are told as well, as always. */
function verbosity(v: number): string[] {
  if (v === 0) return [];
  return ['--set', `log.level=${v === 1 ? 'debug' : 'trace'}`];
}
