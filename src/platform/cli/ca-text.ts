interface RootView {
  readonly id: string;
  readonly notAfter: string;
  readonly own?: boolean;
}

interface StateView {
  readonly trustDomain: string;
  readonly sequence: number;
  readonly active: { readonly root: RootView; readonly intermediate: RootView };
  readonly next?: { readonly root: RootView; readonly prepared: string };
  readonly old?: { readonly root: RootView; readonly believedUntil: string; readonly tainted: boolean };
  readonly requested?: string;
  readonly alarm?: string;
}

/** `GET /ca/v1/state` for a person. */
export function stateText(answer: Record<string, unknown>): string {
  const state = answer as unknown as StateView;
  const { active, next, old, requested, alarm } = state;
  const root = ({ id, notAfter, own }: RootView): string =>
    `${id.slice(0, 16)}  until ${notAfter}${own === false ? '  (not ours)' : ''}`;
  const rows: (readonly [string, string])[] = [
    ['trust domain', state.trustDomain],
    ['bundle', `version ${state.sequence}`],
    ['active root', root(active.root)],
    ['intermediate', root(active.intermediate)],
  ];
  if (next) rows.push(['next root', `${root(next.root)}  prepared ${next.prepared}`]);
  if (old) {
    const end = old.tainted
      ? 'tainted: revoke it when all have renewed'
      : `believed until ${old.believedUntil}`;
    rows.push(['old root', `${root(old.root)}  ${end}`]);
  }
  if (requested !== undefined) rows.push(['requested', requested.slice(0, 16)]);
  if (alarm !== undefined) rows.push(['ALARM', alarm]);
  return rows.map(([what, text]) => `${what.padEnd(14)}${text}\n`).join('');
}

/** `GET /ca/v1/audit` for a person: the oldest first, as logs are read. */
export function auditText(answer: Record<string, unknown>): string {
  const { entries } = answer as { readonly entries: readonly Readonly<Record<string, unknown>>[] };
  return entries
    .toReversed()
    .map(({ time, what, by, ...rest }) => {
      const details = Object.entries(rest).map(([key, value]) => `${key}=${plain(value)}`);
      return `${[time, what, `by ${plain(by)}`, ...details].map(plain).join('  ')}\n`;
    })
    .join('');
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
