import { defineErrors } from '../../core/errors.ts';

export const policyErrors = defineErrors({
  POLICY_FILE_UNREADABLE: {
    message: 'the rules in {file} cannot be read: {reason}',
    hint: 'Set auth.policy.file and auth.policy.mesosAcls to files that exist and that this process may read.',
  },
  POLICY_FILE_WRONG: {
    message: 'the rules in {file} are not right: {problems}',
    hint: 'docs/reference/policy.md says what a rule is made of.',
  },
});
