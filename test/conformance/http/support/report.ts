import { appendFileSync } from 'node:fs';

/**
 * Say what a check measured. The long forms are read by people who fill in docs/reference/http-conformance.md: with
 * RIMROCK_HTTP_REPORT=file each line also goes there.
 */
export function report(check: string, text: string): void {
  console.log(`${check}: ${text}`);
  const file = process.env['RIMROCK_HTTP_REPORT'];
  if (file) appendFileSync(file, `${check}\t${text}\n`);
}
