/** What a call of the operator API is answered with; a `body` that is undefined is an empty one. */
export type OperatorAnswer =
  | { readonly status: 200 | 202; readonly body: unknown }
  | { readonly status: 400 | 403 | 404 | 501 | 503; readonly text: string };

export const FORBIDDEN: OperatorAnswer = { status: 403, text: '403 Forbidden.' };
