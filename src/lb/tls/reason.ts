import { RimrockError, errorText } from '../../core/errors.ts';

/** What an error says went wrong, without its code and hint where it is one of ours. */
export const reasonOf = (error: unknown): string =>
  error instanceof RimrockError && typeof error.details['reason'] === 'string'
    ? error.details['reason']
    : errorText(error);
