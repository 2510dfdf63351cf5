import type { Content, WantedContent } from './contents.ts';
import { commented, emptyTable } from './layout.ts';
import type { TableSettings } from './layout.ts';

/**
 * The commands that bring the items of these keys to what is wanted, from what the table has. All of a script is one transaction: a
 * packet sees the table before it or after it.
 */
export function changeScript(
  table: string,
  have: Content,
  wanted: Pick<WantedContent, 'get'>,
  keys: Iterable<string>,
): string {
  // Nothing may lead to a chain that goes, and no element to a chain that is not there yet.
  const [unlinked, chains, linked, gone]: string[][] = [[], [], [], []];
  for (const key of keys) {
    const [kind, text] = halves(key);
    const item = wanted.get(key);
    const before = have.get(key);
    if (kind === 'chain') {
      const chain = `chain inet ${table} ${text}`;
      if (item?.rule === undefined) gone?.push(`flush ${chain}`, `delete ${chain}`);
      else
        chains?.push(
          `add ${chain}`,
          `flush ${chain}`,
          `add rule inet ${table} ${text} ${commented(item.rule, item.name)}`,
        );
      continue;
    }
    const element = `element inet ${table} ${kind} { ${text}`;
    if (before !== undefined) unlinked?.push(`delete ${element} }`);
    if (item) linked?.push(`add ${element}${item.value === '' ? '' : ` : goto ${item.value}`} }`);
  }
  return [unlinked, chains, linked, gone].map((lines) => lines?.map((line) => `${line}\n`).join('')).join('');
}

/** The commands that make the table anew, whatever there is; connections that it has translated stay as they are. */
export function wholeScript(settings: TableSettings, wanted: WantedContent): string {
  const content = changeScript(settings.table, new Map(), wanted, wanted.keys());
  return `${removalScript(settings.table)}${emptyTable(settings)}${content}`;
}

/** The commands that leave nothing of the table, whether or not there is one. */
export function removalScript(table: string): string {
  return `table inet ${table} { }\ndelete table inet ${table}\n`;
}

function halves(key: string): [kind: string, text: string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}
