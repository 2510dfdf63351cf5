import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { referencePages } from './support/reference.ts';

// Writes the pages of docs/reference that come from the code.
const folder = fileURLToPath(new URL('../docs/reference', import.meta.url));
mkdirSync(folder, { recursive: true });
for (const [name, text] of await referencePages()) writeFileSync(join(folder, name), text);
process.exit();
