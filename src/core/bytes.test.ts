import { expect, it } from 'vitest';
import { copyOf } from './bytes.ts';

it.each([
  ['a Uint8Array', new Uint8Array([1, 2, 3, 4])],
  ['a Buffer', Buffer.from([1, 2, 3, 4])],
])('a copy of %s is one', (_, bytes) => {
  const whole = copyOf(bytes);
  const part = copyOf(bytes, 1, 3);
  bytes.fill(9);
  expect([...whole]).toEqual([1, 2, 3, 4]);
  expect([...part]).toEqual([2, 3]);
});
