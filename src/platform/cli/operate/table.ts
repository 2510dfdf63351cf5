/** How far a column may shrink for a row to fit. */
const NARROWEST = 9;
const BETWEEN = 2;

/**
 * Rows with columns of one width. Where a person looks (`width` columns), long cells lose their middle until a row fits; in a pipe all is said.
 */
export function table(rows: readonly (readonly string[])[], width: number | undefined): string {
  const clean = rows.map((row) => row.map(oneLine));
  const widths = (clean[0] ?? []).map((_, i) =>
    clean.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), 0),
  );
  if (width !== undefined) shrink(widths, width);
  return clean
    .map((row) => {
      const cells = row.map((cell, i) => cut(cell, widths[i] ?? 0).padEnd(widths[i] ?? 0));
      return `${cells.join(' '.repeat(BETWEEN)).trimEnd()}\n`;
    })
    .join('');
}

/** Names and values, one a line; a value of several lines stands below each other. */
export function sheet(entries: readonly (readonly [string, string])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length)) + BETWEEN;
  return entries
    .map(
      ([name, value]) =>
        `${name.padEnd(width)}${value
          .split('\n')
          .map(oneLine)
          .join(`\n${' '.repeat(width)}`)}\n`,
    )
    .join('');
}

/** What frameworks write may hold anything, also what moves the cursor of a terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

/** The widest give first. */
function shrink(widths: number[], width: number): void {
  let over = widths.reduce((sum, w) => sum + w + BETWEEN, -BETWEEN) - width;
  while (over > 0) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) return;
    widths[widths.indexOf(widest)] = widest - 1;
    over--;
  }
}

function cut(cell: string, width: number): string {
  if (cell.length <= width) return cell;
  const tail = Math.floor((width - 1) / 2);
  return `${cell.slice(0, width - 1 - tail)}…${cell.slice(cell.length - tail)}`;
}
