import { nearest } from '../../core/config/nearest.ts';
import { Pattern } from '../../core/policy/pattern.ts';
import type { Effect, Rule } from '../../core/policy/types.ts';
import { parseWho, WHO_FORMS } from '../../core/policy/who.ts';
import { ACTIONS } from './actions.ts';
import type { Problem } from './problem.ts';

/** What a file of rules says. */
export interface PolicyDocument {
  /** Undefined: it does not say. */
  readonly default: Effect | undefined;
  readonly rules: readonly Rule[];
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

const DOCUMENT_KEYS = ['default', 'rules'];
const RULE_KEYS = ['name', 'effect', 'who', 'may', 'on', 'methods', 'paths'];
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const METHOD = /^[A-Z][A-Z-]{0,30}$/;
/** More could not be looked through by a person. */
const MOST_RULES = 5_000;
const MOST_VALUES = 1_000;
const MOST_CHARACTERS = 1_024;
const NETWORKS_ONLY = `'net:' says something of ${[...ACTIONS.values()]
  .flatMap(({ name, address }) => (address ? [name] : []))
  .join(' and ')} only`;

/** The families that people write: `view_*`, `marathon:*`. */
const FAMILIES = new Set([...ACTIONS.keys()].map((name) => name.replace(/(?<=[_:]).*|(?<![_:])$/, '*')));

type Fields = Readonly<Record<string, unknown>>;

/** A whole document, `{default?, rules}`, as YAML or JSON has it. Never throws; tells everything that is wrong. */
export function parseDocument(input: unknown): Parsed<PolicyDocument> {
  const problems: Problem[] = [];
  if (!isFields(input)) return failed([{ path: '(root)', message: "write 'default' and 'rules'" }]);
  unknownKeys(input, DOCUMENT_KEYS, '', problems);
  const otherwise =
    input['default'] === undefined ? undefined : effectOf(input['default'], 'default', problems);
  const rules = rulesOf(input['rules'] ?? [], 'rules', problems);
  return problems.length > 0 ? failed(problems) : { ok: true, value: { default: otherwise, rules } };
}

/** A list of rules. Never throws; tells everything that is wrong. */
export function parseRules(input: unknown, path = 'rules'): Parsed<readonly Rule[]> {
  const problems: Problem[] = [];
  const rules = rulesOf(input, path, problems);
  return problems.length > 0 ? failed(problems) : { ok: true, value: rules };
}

const failed = (problems: readonly Problem[]): { ok: false; problems: readonly Problem[] } => ({
  ok: false,
  problems,
});

function rulesOf(input: unknown, path: string, problems: Problem[]): Rule[] {
  if (!Array.isArray(input) || input.length > MOST_RULES) {
    problems.push({ path, message: `write a list of rules, at most ${MOST_RULES}` });
    return [];
  }
  const seen = new Set<string>();
  return input.flatMap((item: unknown, i) => {
    const at = `${path}[${i}]`;
    const rule = ruleOf(item, at, problems);
    if (rule === undefined) return [];
    if (seen.has(rule.name))
      problems.push({ path: `${at}.name`, message: `there is a rule '${rule.name}' already` });
    seen.add(rule.name);
    return [rule];
  });
}

function ruleOf(input: unknown, at: string, problems: Problem[]): Rule | undefined {
  if (!isFields(input)) {
    problems.push({ path: at, message: `write a rule: ${RULE_KEYS.join(', ')}` });
    return undefined;
  }
  const before = problems.length;
  unknownKeys(input, RULE_KEYS, at, problems);
  const list = (key: string, check: Check): readonly string[] | undefined =>
    listOf(input[key], `${at}.${key}`, check, problems);
  const required = (key: string, check: Check, help: string): readonly string[] => {
    if (input[key] === undefined) problems.push({ path: `${at}.${key}`, message: help });
    return list(key, check) ?? [];
  };
  const name = nameOf(input['name'], `${at}.name`, problems);
  const effect = effectOf(input['effect'], `${at}.effect`, problems);
  const who = required('who', whoProblem, "say who, or 'anyone'");
  const may = required('may', actionProblem, "say which actions, or '*'");
  const on = list('on', patternProblem);
  const methods = list('methods', methodProblem);
  const paths = list('paths', pathProblem);
  if ((methods ?? paths) !== undefined && !may.some(speaksOfCalls))
    problems.push({ path: at, message: "methods and paths say something of 'call' only" });
  if (who.some((text) => text.startsWith('net:')) && !may.every(tellsAddress))
    problems.push({ path: at, message: NETWORKS_ONLY });
  if (problems.length > before) return undefined;
  return { name, effect, who, may, ...(on && { on }), ...(methods && { methods }), ...(paths && { paths }) };
}

function nameOf(input: unknown, path: string, problems: Problem[]): string {
  if (typeof input === 'string' && NAME.test(input) && input !== 'default') return input;
  problems.push({
    path,
    message: "give the rule a name of letters, digits, dots, dashes and underscores, other than 'default'",
  });
  return '';
}

function effectOf(input: unknown, path: string, problems: Problem[]): Effect {
  if (input === 'allow' || input === 'deny') return input;
  problems.push({ path, message: "write 'allow' or 'deny'" });
  return 'deny';
}

/** What is wrong with one value of a list; undefined: nothing. */
type Check = (text: string) => string | undefined;

/** One value may stand without a list around it. */
function listOf(
  input: unknown,
  path: string,
  check: Check,
  problems: Problem[],
): readonly string[] | undefined {
  if (input === undefined) return undefined;
  const values: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (values.length === 0 || values.length > MOST_VALUES) {
    problems.push({ path, message: `write 1 to ${MOST_VALUES} values, or leave the key out` });
    return undefined;
  }
  return values.map((value, i) => {
    const message =
      typeof value === 'string' && value.length <= MOST_CHARACTERS
        ? check(value)
        : `write a text of at most ${MOST_CHARACTERS} characters`;
    if (message !== undefined)
      problems.push({ path: Array.isArray(input) ? `${path}[${i}]` : path, message });
    return String(value);
  });
}

function whoProblem(text: string): string | undefined {
  const who = parseWho(text);
  if (who !== undefined) return 'problem' in who ? who.problem : undefined;
  const colon = text.indexOf(':');
  return unknown('subject', text, nearest(colon < 0 ? text : text.slice(0, colon + 1), WHO_FORMS));
}

function actionProblem(text: string): string | undefined {
  if (ACTIONS.has(text)) return undefined;
  const pattern = Pattern.parse(text);
  if ('problem' in pattern) return pattern.problem;
  if (pattern.exact === undefined && [...ACTIONS.keys()].some((name) => pattern.test(name))) return undefined;
  const what = pattern.exact === undefined ? 'family of actions' : 'action';
  return unknown(what, text, nearest(text, pattern.exact === undefined ? FAMILIES : ACTIONS.keys()));
}

function patternProblem(text: string): string | undefined {
  const pattern = Pattern.parse(text);
  return 'problem' in pattern ? pattern.problem : undefined;
}

function pathProblem(text: string): string | undefined {
  return text.startsWith('/') ? patternProblem(text) : 'paths begin with /';
}

function methodProblem(text: string): string | undefined {
  return METHOD.test(text) ? undefined : 'write a method in capital letters, such as GET';
}

/** Whether all that this speaks of is asked with the address of whoever asks. */
function tellsAddress(text: string): boolean {
  const pattern = Pattern.parse(text);
  return !('problem' in pattern) && [...ACTIONS.values()].every((a) => a.address || !pattern.test(a.name));
}

function speaksOfCalls(text: string): boolean {
  const pattern = Pattern.parse(text);
  return (
    !('problem' in pattern) && [...ACTIONS.values()].some(({ name, call }) => call && pattern.test(name))
  );
}

function unknownKeys(input: Fields, known: readonly string[], at: string, problems: Problem[]): void {
  for (const key of Object.keys(input)) {
    if (known.includes(key)) continue;
    const path = at === '' ? key : `${at}.${key}`;
    problems.push({ path, message: unknown('key', key, nearest(key, known)) });
  }
}

function unknown(what: string, text: string, near: string | undefined): string {
  return `unknown ${what} '${text}'${near === undefined ? '' : `; did you mean '${near}'?`}`;
}

function isFields(input: unknown): input is Fields {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}
