import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder, without a slash at the end. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

const NOT_OURS = new Set(['node_modules', '.git', 'dist', 'coverage', 'data', '.rimrock']);

/** Every file of the project under `folder`, with `/` between the parts, relative to the root. Git is not asked. */
export function projectFiles(folder = ''): string[] {
  const found: string[] = [];
  const walk = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const at = join(path, entry.name);
      if (entry.isDirectory()) {
        if (!NOT_OURS.has(entry.name)) walk(at);
      } else if (entry.isFile() && !/\.(tgz|log)$/.test(entry.name)) {
        found.push(relative(root, at).split(sep).join('/'));
      }
    }
  };
  walk(join(root, folder));
  return found.sort();
}
