export { ACTIONS } from './actions.ts';
export { explain } from './explain.ts';
export type { Explanation } from './explain.ts';
export { parseMesosAcls } from './mesos-acls.ts';
export { parseDocument, parseRules } from './parse.ts';
export type { Parsed, PolicyDocument } from './parse.ts';
export type { Problem } from './problem.ts';
export { shadowed } from './shadow.ts';
