import type { AgentInfo } from '../../mesos/index.ts';

/**
 * Offer constraints (mesos-api.md §1.4): what the attributes, host name and fault domain of an agent must be for a framework
 * to want offers of it. They come as JSON that nobody has looked at.
 */

/** Whether a regular expression of RE2 fits a whole text; a text says what is wrong with the pattern. */
export type CompileRegex = (pattern: string) => ((text: string) => boolean) | string;

/** Whether a role wants offers of this agent. */
export type Constraint = (agent: AgentInfo) => boolean;

export type Constraints =
  | { readonly ok: true; readonly byRole: ReadonlyMap<string, Constraint> }
  | { readonly ok: false; readonly problem: string };

/** The value that a selector finds. What is there but no text satisfies every predicate about text. */
type Found = { readonly text: string } | 'not-text' | undefined;
type Selector = (agent: AgentInfo) => Found;
type Predicate = (found: Found) => boolean;
type Json = Readonly<Record<string, unknown>>;

/** Thrown inside the compiler only; `compileConstraints` turns it into a value. */
class Problem extends Error {}

/** `roles`: those of the framework; constraints for others are refused. */
export function compileConstraints(
  json: unknown,
  roles: readonly string[],
  compileRegex: CompileRegex,
): Constraints {
  if (json === undefined) return { ok: true, byRole: new Map() };
  try {
    const byRole = new Map<string, Constraint>();
    for (const [role, one] of Object.entries(
      object(object(json, 'offer_constraints')['role_constraints'] ?? {}, 'role_constraints'),
    )) {
      if (!roles.includes(role))
        throw new Problem(`role_constraints are given for role '${role}', which the framework is not in`);
      byRole.set(role, groupsOf(object(one, `role_constraints of '${role}'`), role, compileRegex));
    }
    return { ok: true, byRole };
  } catch (error) {
    if (error instanceof Problem) return { ok: false, problem: error.message };
    throw error;
  }
}

/** One of the groups must hold; a group holds when all in it do. */
function groupsOf(json: Json, role: string, compileRegex: CompileRegex): Constraint {
  const groups = list(json['groups'], `'groups' of role '${role}'`).map((group) => {
    const name = `'attribute_constraints' of role '${role}'`;
    const all = list(object(group, name)['attribute_constraints'], name).map((c) =>
      constraintOf(object(c, name), compileRegex),
    );
    return (agent: AgentInfo): boolean => all.every((holds) => holds(agent));
  });
  return (agent) => groups.some((holds) => holds(agent));
}

function constraintOf(json: Json, compileRegex: CompileRegex): Constraint {
  const select = selectorOf(object(json['selector'], "'selector'"));
  const predicate = predicateOf(object(json['predicate'], "'predicate'"), compileRegex);
  return (agent) => predicate(select(agent));
}

const PSEUDO: Readonly<Record<string, Selector>> = {
  HOSTNAME: (agent) => ({ text: agent.hostname }),
  REGION: (agent) => named(agent.domain?.fault_domain?.region),
  ZONE: (agent) => named(agent.domain?.fault_domain?.zone),
};

const named = (part: { readonly name: string } | undefined): Found => part && { text: part.name };

function selectorOf(json: Json): Selector {
  const { attribute_name: name, pseudoattribute_type: type } = json;
  if (typeof name === 'string') {
    return (agent) => {
      // Of several attributes of one name the first counts.
      const attribute = agent.attributes?.find((a) => a.name === name);
      if (attribute === undefined) return undefined;
      return attribute.type === 'TEXT' ? { text: attribute.text?.value ?? '' } : 'not-text';
    };
  }
  const pseudo = typeof type === 'string' && Object.hasOwn(PSEUDO, type) ? PSEUDO[type] : undefined;
  if (pseudo === undefined)
    throw new Problem("a selector has 'attribute_name', or 'pseudoattribute_type' HOSTNAME, REGION or ZONE");
  return pseudo;
}

/** A predicate about text holds for what is no text, and does not where there is nothing. */
const ofText =
  (holds: (text: string) => boolean): Predicate =>
  (found) =>
    found !== undefined && (found === 'not-text' || holds(found.text));

/** `not_…` holds where there is nothing, too. */
const orNothing =
  (predicate: Predicate): Predicate =>
  (found) =>
    found === undefined || predicate(found);

function predicateOf(json: Json, compileRegex: CompileRegex): Predicate {
  const [[kind, value] = ['', undefined], ...more] = Object.entries(json);
  if (more.length > 0) throw new Problem('a predicate says one thing only');
  const text = (key: string): string => {
    const given = object(value, `'${kind}'`)[key];
    if (typeof given !== 'string') throw new Problem(`'${kind}' must have a '${key}'`);
    return given;
  };
  switch (kind) {
    case 'exists':
      return (found) => found !== undefined;
    case 'not_exists':
      return (found) => found === undefined;
    case 'text_equals':
    case 'text_not_equals': {
      const wanted = text('value');
      return kind === 'text_equals'
        ? ofText((given) => given === wanted)
        : orNothing(ofText((given) => given !== wanted));
    }
    case 'text_matches':
    case 'text_not_matches': {
      const fits = compileRegex(text('regex'));
      if (typeof fits === 'string') throw new Problem(`the regular expression '${text('regex')}' ${fits}`);
      return kind === 'text_matches' ? ofText(fits) : orNothing(ofText((given) => !fits(given)));
    }
    default:
      throw new Problem(
        `'${kind}' is no predicate: write exists, not_exists, text_equals, text_not_equals, text_matches or text_not_matches`,
      );
  }
}

function object(json: unknown, name: string): Json {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new Problem(`${name} must be an object`);
  return json as Json;
}

/** One thing may stand for a list of one, as everywhere (mesos-api.md §0.2). */
function list(json: unknown, name: string): readonly unknown[] {
  const items: readonly unknown[] = Array.isArray(json) ? json : json === undefined ? [] : [json];
  if (items.length === 0) throw new Problem(`${name} must not be empty`);
  return items;
}
