import { readFileSync } from 'node:fs';

/** One recorded request with its answer. */
export interface Exchange {
  readonly name: string;
  readonly request: { readonly line: string; readonly headers: readonly string[]; readonly body: unknown };
  readonly response: { readonly status: string; readonly headers: readonly string[]; readonly body: unknown };
}

export interface RecordedEvent {
  /** Seconds after the start of the recording. */
  readonly t: number;
  readonly event: unknown;
}

const FOLDER = new URL('../fixtures/golden/', import.meta.url);

function lines(file: string): unknown[] {
  const text = readFileSync(new URL(file, FOLDER), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

/** The exchanges of one situation, such as `master-running`. */
export function exchanges(situation: string): readonly Exchange[] {
  return lines(`${situation}.jsonl`) as Exchange[];
}

/** The body of one recorded answer, such as `('master-running', 'GET_state')`. Throws when there is none. */
export function recordedBody(situation: string, name: string): unknown {
  const found = exchanges(situation).find((e) => e.name === name);
  if (!found) throw new Error(`no exchange ${name} in ${situation}`);
  return found.response.body;
}

/** The events of a recorded stream, such as `operator-stream--json`. */
export function recordedEvents(stream: string): readonly RecordedEvent[] {
  return lines(`${stream}.events.jsonl`) as RecordedEvent[];
}

/** The bytes of a recorded stream. */
export function recordedBytes(stream: string): Uint8Array {
  return readFileSync(new URL(`${stream}.recordio`, FOLDER));
}
