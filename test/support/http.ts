export interface JsonAnswer {
  readonly status: number;
  /** The parsed body; undefined when it is not JSON. Tests read it freely. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what a server of another time says has no type here
  readonly json: any;
  readonly text: string;
}

/** One request to an API; the body, when there is one, goes out as JSON. */
export async function call(method: string, url: string, body?: unknown): Promise<JsonAnswer> {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(15_000),
    ...(body === undefined
      ? {}
      : {
          headers: { 'content-type': 'application/json' },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
  });
  const text = await response.text();
  return { status: response.status, json: parse(text), text };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
