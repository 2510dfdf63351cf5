import { z } from 'zod';

export const OPERATORS = ['UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'UNLIKE', 'MAX_PER', 'IS'] as const;
export type ConstraintOperator = (typeof OPERATORS)[number];
export type Constraint = readonly [field: string, operator: ConstraintOperator, value?: string];

const IS_TEXT = /^[A-Za-z0-9_/.-]*$/;

function isOperator(name: string): name is ConstraintOperator {
  return (OPERATORS as readonly string[]).includes(name);
}

/** Why a field/operator/value triple is no constraint, or undefined (marathon.md §3.3). */
export function constraintProblem(parts: readonly string[]): string | undefined {
  const [field, operator, value] = parts;
  if (parts.length < 2 || parts.length > 3 || field === undefined || operator === undefined)
    return 'each constraint must have 2 or 3 fields: [field, operator, value]';
  if (field === '') return 'the field must not be empty: write hostname or the name of an agent attribute';
  if (!isOperator(operator)) return `unknown operator '${operator}': write one of ${OPERATORS.join(', ')}`;
  return valueProblem(operator, value);
}

function valueProblem(operator: ConstraintOperator, value: string | undefined): string | undefined {
  switch (operator) {
    case 'UNIQUE':
      return value === undefined ? undefined : 'UNIQUE takes no value';
    case 'CLUSTER':
      return undefined;
    case 'GROUP_BY':
      return /^[1-9]\d*$/.test(value ?? '1') ? undefined : 'GROUP_BY takes a whole number of groups';
    case 'MAX_PER':
      return /^\d+$/.test(value ?? '') ? undefined : 'MAX_PER needs a whole number';
    case 'LIKE':
    case 'UNLIKE':
      return value === undefined ? `${operator} needs a regular expression` : regexProblem(value);
    case 'IS':
      if (value !== undefined && IS_TEXT.test(value)) return undefined;
      return 'IS needs a text of letters, digits and _/.- or a number';
  }
}

function regexProblem(source: string): string | undefined {
  try {
    new RegExp(`^(?:${source})$`).test('');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'not a regular expression';
  }
}

export const constraintSchema = z
  .array(z.string({ error: 'each part of a constraint is a string' }))
  .superRefine((parts, ctx) => {
    const problem = constraintProblem(parts);
    if (problem) ctx.addIssue({ code: 'custom', message: problem });
  })
  .transform((parts) => parts as unknown as Constraint);
