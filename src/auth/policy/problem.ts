/** Something that is wrong with a text of rules, or looks like a mistake. */
export interface Problem {
  /** Where: `rules[3].may[0]`. */
  readonly path: string;
  readonly message: string;
}
