/**
 * The grammar of JSON (RFC 8259) as a table for bytes: what follows on a byte in a state. Values below `FIRST_ACTION`
 * are states; the others are what a byte means for the nesting, which a table cannot know.
 */

const SPACE = ' \t\n\r';
const DIGITS = '0123456789';

/** States: what is expected next, or what the next byte is inside of. */
export const VALUE = 0;
export const FIRST_VALUE = 1;
export const FIRST_KEY = 2;
export const NEXT_KEY = 3;
export const COLON = 4;
export const AFTER = 5;
export const STRING = 7;
export const KEY = 8;
const STRING_ESCAPE = 9;
const KEY_ESCAPE = 10;
const STRING_HEX = 11; // and 12, 13, 14
const KEY_HEX = 15; // and 16, 17, 18
const MINUS = 19;
const ZERO = 20;
const INTEGER = 21;
const DOT = 22;
const FRACTION = 23;
const EXPONENT = 24;
const EXPONENT_SIGN = 25;
const EXPONENT_DIGITS = 26;
const LITERAL = 27; // the bytes of true, false and null after the first

export const FIRST_ACTION = 64;
export const OPEN_OBJECT = 64;
export const OPEN_ARRAY = 65;
export const CLOSE_OBJECT = 66;
export const CLOSE_ARRAY = 67;
export const COMMA = 68;
export const BEGIN_KEY = 69;
export const END_KEY = 70;
export const END_COLON = 71;
export const NOT_JSON = 72;

/** `NEXT[(state << 8) | byte]`. */
export const NEXT: Uint8Array = table();

/** As `NEXT`, where the names of members do not matter. */
export const NEXT_UNNAMED: Uint8Array = NEXT.map((to) => {
  if (to === BEGIN_KEY) return KEY;
  if (to === END_KEY) return COLON;
  return to === END_COLON ? VALUE : to;
});

/** States in which a document may end, outside of all arrays and objects. */
export function isWhole(state: number): boolean {
  return [AFTER, ZERO, INTEGER, FRACTION, EXPONENT_DIGITS].includes(state);
}

/** Bytes that mean nothing in a string, so that they can be passed over quickly. */
export const PLAIN: Uint8Array = Uint8Array.from({ length: 256 }, (_, b) =>
  b >= 0x20 && b !== 0x22 && b !== 0x5c ? 1 : 0,
);

function table(): Uint8Array {
  const next = new Uint8Array(64 << 8).fill(NOT_JSON);
  const on = (state: number, bytes: string, then: number): void => {
    for (let i = 0; i < bytes.length; i++) next[(state << 8) | bytes.charCodeAt(i)] = then;
  };
  for (const state of [VALUE, FIRST_VALUE, FIRST_KEY, NEXT_KEY, COLON]) on(state, SPACE, state);
  literals(on);
  for (const state of [VALUE, FIRST_VALUE]) {
    on(state, '{', OPEN_OBJECT);
    on(state, '[', OPEN_ARRAY);
    on(state, '"', STRING);
    on(state, '-', MINUS);
    on(state, '0', ZERO);
    on(state, '123456789', INTEGER);
  }
  on(FIRST_VALUE, ']', CLOSE_ARRAY);
  on(FIRST_KEY, '}', CLOSE_OBJECT);
  for (const state of [FIRST_KEY, NEXT_KEY]) on(state, '"', BEGIN_KEY);
  on(COLON, ':', END_COLON);
  for (const state of [AFTER, ZERO, INTEGER, FRACTION, EXPONENT_DIGITS]) {
    on(state, SPACE, AFTER);
    on(state, ',', COMMA);
    on(state, ']', CLOSE_ARRAY);
    on(state, '}', CLOSE_OBJECT);
  }
  numbers(on);
  strings(next, on);
  return next;
}

type On = (state: number, bytes: string, then: number) => void;

function numbers(on: On): void {
  on(MINUS, '0', ZERO);
  on(MINUS, '123456789', INTEGER);
  on(INTEGER, DIGITS, INTEGER);
  for (const state of [ZERO, INTEGER]) on(state, '.', DOT);
  on(DOT, DIGITS, FRACTION);
  on(FRACTION, DIGITS, FRACTION);
  for (const state of [ZERO, INTEGER, FRACTION]) on(state, 'eE', EXPONENT);
  on(EXPONENT, '+-', EXPONENT_SIGN);
  for (const state of [EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS]) on(state, DIGITS, EXPONENT_DIGITS);
}

function literals(on: On): void {
  let state = LITERAL;
  for (const word of ['true', 'false', 'null']) {
    for (const before of [VALUE, FIRST_VALUE]) on(before, word.slice(0, 1), state);
    for (let i = 1; i < word.length; i++, state++)
      on(state, word.slice(i, i + 1), i === word.length - 1 ? AFTER : state + 1);
  }
}

function strings(next: Uint8Array, on: On): void {
  for (const [inside, escape, hex, end] of [
    [STRING, STRING_ESCAPE, STRING_HEX, AFTER],
    [KEY, KEY_ESCAPE, KEY_HEX, END_KEY],
  ] as const) {
    for (let byte = 0x20; byte < 256; byte++) next[(inside << 8) | byte] = inside;
    on(inside, '"', end);
    on(inside, '\\', escape);
    on(escape, '"\\/bfnrt', inside);
    on(escape, 'u', hex);
    for (let i = 0; i < 4; i++) on(hex + i, `${DIGITS}abcdefABCDEF`, i === 3 ? inside : hex + i + 1);
  }
}
