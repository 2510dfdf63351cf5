import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Roster } from './roster.ts';

class Person {
  place = -1;
}

describe('a roster', () => {
  it('has who came and did not leave, as a Set has, also when they leave while all are called', () => {
    const step = fc.record({
      kind: fc.constantFrom('come', 'leave', 'call'),
      who: fc.nat(19),
      takes: fc.nat(19),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const people = Array.from({ length: 20 }, () => new Person());
        const roster = new Roster<Person>();
        const model = new Set<Person>();
        const leave = (person: Person): void => expect(roster.remove(person)).toBe(model.delete(person));
        for (const { kind, who, takes } of steps) {
          const [one, other] = [people[who] as Person, people[takes] as Person];
          if (kind === 'leave') leave(one);
          else if (kind === 'come') {
            if (!model.has(one)) roster.add(one);
            model.add(one);
          } else {
            // Whoever is called first takes another one along, or leaves alone.
            const stay = new Set(model);
            const called: Person[] = [];
            roster.each((person) => {
              if (called.length === 0)
                for (const gone of [person, other]) {
                  leave(gone);
                  stay.delete(gone);
                }
              called.push(person);
            });
            expect(new Set(called.slice(1))).toEqual(stay);
            expect(called.length).toBe(model.size + (called.length > 0 ? 1 : 0));
          }
          expect(roster.size).toBe(model.size);
        }
        const left: Person[] = [];
        roster.each((person) => left.push(person));
        expect(new Set(left)).toEqual(model);
      }),
    );
  });
});
