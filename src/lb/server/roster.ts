/** What a roster writes down in its members. */
export interface Member {
  /** Its place in the roster; -1: it is in none. */
  place: number;
}

/**
 * Who is there now, when many come and go. A Set does that too, but each time it has to make room it leaves behind a table with all
 * that were there, and such tables, once they are old, keep each other and everybody in them from being collected early: half of
 * all connections, over when the collector came, were copied, and copied again, as if they were in use.
 */
export class Roster<M extends Member> {
  readonly #members: M[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: M): void {
    member.place = this.#members.push(member) - 1;
  }

  /** False: it was not there. */
  remove(member: M): boolean {
    const { place } = member;
    if (place < 0) return false;
    member.place = -1;
    const last = this.#members.pop() as M;
    if (last === member) return true;
    this.#members[place] = last;
    last.place = place;
    return true;
  }

  /** Call `f` with each; those that leave meanwhile are left out, those that come are. */
  each(f: (member: M) => void): void {
    // From the end: who takes the place of one that leaves has had its turn.
    for (let i = this.#members.length - 1; i >= 0; i--) {
      const member = this.#members[i];
      if (member !== undefined) f(member);
    }
  }
}
