import { createHash } from 'node:crypto';
import type { TaskFacts } from '../../core/identity.ts';

/** What a template may ask of a task. */
const FACTS: Readonly<Record<string, (task: TaskFacts) => string>> = {
  framework: (task) => task.frameworkName,
  frameworkId: (task) => task.frameworkId,
  task: (task) => task.taskName,
  taskId: (task) => task.taskId,
  agentId: (task) => task.agentId,
  user: (task) => task.user ?? '',
};

const LONGEST_TEMPLATE = 400;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/** What is wrong with a template, for a person; undefined when nothing is. */
export function templateProblem(template: string): string | undefined {
  if (template.length > LONGEST_TEMPLATE) return `longer than ${LONGEST_TEMPLATE} characters`;
  const asked = Array.from(template.matchAll(PLACEHOLDER), ([, name = '']) => name);
  const unknown = asked.find((name) => !Object.hasOwn(FACTS, name));
  if (unknown !== undefined)
    return `there is no {${unknown}}; there are ${Object.keys(FACTS)
      .map((name) => `{${name}}`)
      .join(', ')}`;
  if (!asked.includes('task') && !asked.includes('taskId'))
    return 'it must say {task} or {taskId}: else all tasks would be one';
  const filled = template.replace(PLACEHOLDER, 'x');
  if (!/^(\/[A-Za-z0-9._-]+)+$/.test(filled) || /\/\.{1,2}(\/|$)/.test(filled))
    return 'it must be a path of letters, digits, dots, dashes, underscores and placeholders between slashes';
  return undefined;
}

/** The path of a task's SPIFFE id, by a template in which nothing is wrong. */
export function taskPath(template: string, task: TaskFacts): string {
  return template.replace(PLACEHOLDER, (_whole, name: string) => pathSegment(FACTS[name]?.(task) ?? ''));
}

const ALLOWED = /^[A-Za-z0-9.-]+$/;
/** A longer name is cut, and told apart by its hash. */
const LONGEST_SEGMENT = 128;
const KEPT = 80;
const HASH_DIGITS = 32;

/**
 * Any text as one segment of a path (SPIFFE ID §2.2: letters, digits, dots, dashes and underscores), so that two texts never become
 * one: an underscore is doubled, another byte that is not allowed (UTF-8) is `_` and two hexadecimal digits; nothing at all is `_-`.
 * What would be too long ends in `_.` and half of its SHA-256.
 */
export function pathSegment(text: string): string {
  if (text === '') return '_-';
  const escaped = ALLOWED.test(text) ? text : Array.from(text, escape).join('');
  const segment = /^\.{1,2}$/.test(escaped) ? `_2e${escaped.slice(1)}` : escaped;
  if (segment.length <= LONGEST_SEGMENT) return segment;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);
  return `${segment.slice(0, KEPT)}_.${digest}`;
}

function escape(character: string): string {
  if (character === '_') return '__';
  if (ALLOWED.test(character)) return character;
  let text = '';
  for (const byte of Buffer.from(character)) text += `_${byte.toString(16).padStart(2, '0')}`;
  return text;
}
