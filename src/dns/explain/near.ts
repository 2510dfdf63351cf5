import { distance } from '../../core/config/nearest.ts';

const MOST = 5;
/** What a missing or superfluous label counts as. */
const LABEL_APART = 3;

/** Collects the names that look most like one that does not exist: those that differ in one label, by a letter or two, or have one more or less. */
export class NearNames {
  readonly #labels: readonly string[];
  readonly #best: { readonly name: string; readonly apart: number }[] = [];

  /** `name` is absolute and lower-case. */
  constructor(name: string) {
    this.#labels = name.split('.');
  }

  offer(name: string): void {
    const apart = this.#apart(name.split('.'));
    if (apart === undefined || this.#best.some((b) => b.name === name)) return;
    this.#best.push({ name, apart });
    this.#best.sort((a, b) => a.apart - b.apart || (a.name < b.name ? -1 : 1));
    if (this.#best.length > MOST) this.#best.pop();
  }

  /** The nearest first, at most five. */
  names(): string[] {
    return this.#best.map(({ name }) => name);
  }

  #apart(other: readonly string[]): number | undefined {
    const own = this.#labels;
    if (Math.abs(own.length - other.length) === 1)
      return own[0] === other[0] && (isOneMore(own, other) || isOneMore(other, own))
        ? LABEL_APART
        : undefined;
    if (own.length !== other.length) return undefined;
    const at = own.findIndex((label, i) => label !== other[i]);
    if (at < 0 || own.some((label, i) => i > at && label !== other[i])) return undefined;
    const [a, b] = [own[at] as string, other[at] as string];
    const most = Math.max(2, Math.floor(a.length / 3));
    if (Math.abs(a.length - b.length) > most) return undefined;
    const apart = distance(a, b);
    return apart <= most ? apart : undefined;
  }
}

/** Whether `longer` is `shorter` with one label more. */
function isOneMore(shorter: readonly string[], longer: readonly string[]): boolean {
  if (longer.length !== shorter.length + 1) return false;
  const at = longer.findIndex((label, i) => label !== shorter[i]);
  return shorter.every((label, i) => i < at || label === longer[i + 1]);
}
