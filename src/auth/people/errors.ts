import { defineErrors } from '../../core/errors.ts';

/** Of people, services and principals. What the API refuses is in refusals.ts. */
export const peopleErrors = defineErrors({
  AUTH_CREDENTIALS_BAD: {
    message: "the credentials file '{file}' does not hold: {reason}",
    hint: 'Write it as Mesos has it: {"credentials": [{"principal": "…", "secret": "…"}]}, in JSON or YAML.',
  },
  AUTH_CREDENTIALS_UNREADABLE: {
    message: "the credentials file '{file}' cannot be read: {reason}",
    hint: 'Check the path in auth.credentials, and that the user that Rimrock runs as may read it.',
  },
});
