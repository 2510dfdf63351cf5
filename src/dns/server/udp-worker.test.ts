import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('a thread that answers loads what it needs for that: each package and room more is megabytes in every one', () => {
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    await import(${JSON.stringify(new URL('udp-worker.ts', import.meta.url).href)});
    console.log(JSON.stringify(loaded));`;
  const flags = ['--input-type=module', '-e', program];
  const loaded = JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as string[];
  expect(loaded.some((url) => url.endsWith('src/net/receive/receive.ts'))).toBe(true);
  const needless =
    /node_modules|^node:(?:tls|net|dgram|http|child_process)|src\/net\/(?:index|tls|plane|portable)/;
  expect(loaded.filter((url) => needless.test(url))).toEqual([]);
});
