import { expect, it } from 'vitest';
import { stateIn } from './successor.ts';

it.each([
  [
    { ticketKeys: ['a'], vipTable: 'rimrock' },
    { ticketKeys: ['a'], vipTable: 'rimrock' },
  ],
  [{ ticketKeys: ['a'], of: 'a later version' }, { ticketKeys: ['a'] }],
  [{ vipTable: 'rimrock' }, { ticketKeys: [], vipTable: 'rimrock' }],
  // What comes to a script for nft is the name of a table, or nothing.
  [{ ticketKeys: ['a'], vipTable: 'x { }; flush ruleset' }, { ticketKeys: ['a'] }],
  [
    { ticketKeys: [1], vipTable: 'rimrock' },
    { ticketKeys: [], vipTable: 'rimrock' },
  ],
  [undefined, { ticketKeys: [] }],
  ['text', { ticketKeys: [] }],
])('of what the process before this one said, %j, what is understood is taken', (state, taken) => {
  expect(stateIn(state)).toEqual(taken);
});
