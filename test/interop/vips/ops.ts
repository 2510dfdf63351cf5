import { createInterface } from 'node:readline';

export interface Op {
  readonly id: number;
  readonly op: string;
  readonly [argument: string]: unknown;
}

/** Answers each line of standard input, a JSON object with an `id`, by a line that has this id and the answer, or what went wrong. */
export function serveOps(answer: (op: Op) => unknown): void {
  const say = (id: number, told: object): void =>
    void process.stdout.write(`${JSON.stringify({ id, ...told })}\n`);
  createInterface({ input: process.stdin }).on('line', (line) => {
    const op = JSON.parse(line) as Op;
    Promise.resolve()
      .then(() => answer(op))
      .then(
        (value) => say(op.id, { value }),
        (error: unknown) => say(op.id, { error: String(error) }),
      );
  });
}
