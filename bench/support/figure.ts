/** One line of the table. */
export interface Finding {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  /** Undefined: it could not be measured here, or there is no goal to hold it against. */
  readonly reached: boolean | undefined;
}

export interface FigureResult {
  readonly findings: readonly Finding[];
  /** Markdown that shows where the findings come from. */
  readonly details: readonly string[];
}

export interface Settings {
  readonly rounds: number;
  readonly seconds: number;
}

export interface Figure {
  readonly name: string;
  run(settings: Settings): Promise<FigureResult>;
}

/** A ratio against its goal; what could not be measured says so. */
export function atMost(what: string, value: number, limit: number, unit: string, detail = ''): Finding {
  if (Number.isNaN(value))
    return { what, goal: `≤ ${limit}${unit}`, measured: 'not measured', reached: undefined };
  return {
    what,
    goal: `≤ ${limit}${unit}`,
    measured: `${text(value)}${unit}${detail}`,
    reached: value <= limit,
  };
}

const text = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toFixed(2));

export const table = (rows: readonly (readonly (string | number)[])[]): string =>
  [rows[0] ?? [], (rows[0] ?? []).map(() => '---'), ...rows.slice(1)]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
