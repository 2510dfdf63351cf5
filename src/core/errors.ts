/** One row of the error registry: what is said, and what the operator can do about it. */
export interface ErrorDefinition {
  /** Text with `{name}` placeholders, filled from the details. */
  readonly message: string;
  /** What to do about it, in one sentence. */
  readonly hint: string;
}

export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>;

const registry = new Map<string, ErrorDefinition>();

/** An error that is meant for a person: a stable code, a message and a hint. */
export class RimrockError extends Error {
  override readonly name = 'RimrockError';
  readonly code: string;
  readonly hint: string;
  readonly details: ErrorDetails;

  constructor(code: string, definition: ErrorDefinition, details: ErrorDetails, cause?: unknown) {
    super(fill(definition.message, details), cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = fill(definition.hint, details);
    this.details = details;
  }
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) =>
    Object.hasOwn(details, key) ? String(details[key]) : whole,
  );
}

/**
 * Register a room's errors, one table per room (`src/<room>/errors.ts`). Codes are upper snake case, unique in the
 * whole program and never used again for something else; docs/reference/errors.md lists them and a test compares.
 */
export function defineErrors<const T extends Readonly<Record<string, ErrorDefinition>>>(
  table: T,
): { readonly [K in keyof T]: (details?: ErrorDetails, cause?: unknown) => RimrockError } {
  const makers: Record<string, (details?: ErrorDetails, cause?: unknown) => RimrockError> = {};
  for (const [code, definition] of Object.entries(table)) {
    if (registry.has(code)) throw new Error(`error code ${code} is defined twice`);
    registry.set(code, definition);
    makers[code] = (details = {}, cause) => new RimrockError(code, definition, details, cause);
  }
  return makers as { readonly [K in keyof T]: (details?: ErrorDetails, cause?: unknown) => RimrockError };
}

/** Every code defined by the modules loaded so far (for the documentation check). */
export function definedErrors(): ReadonlyMap<string, ErrorDefinition> {
  return registry;
}

/** The text of anything that was thrown. */
export function errorText(e: unknown): string {
  return e instanceof Error ? e.message : String(e);
}
