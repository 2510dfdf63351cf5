import { nearest } from './config/nearest.ts';

/** Who may come to the ports of a task: everybody as it is, also whoever speaks mutual TLS, or nobody else. */
const MODES = ['off', 'permissive', 'strict'] as const;
export type MtlsMode = (typeof MODES)[number];

export interface UpstreamWish {
  /** Key of a service (`marathon/server`), or its name alone, for one of the same framework. */
  readonly service: string;
  /** Index or name of its port. */
  readonly port: string;
  /** The environment variable that tells where it is reached. */
  readonly variable: string;
}

export interface MeshWishes {
  readonly mode: MtlsMode;
  readonly upstreams: readonly UpstreamWish[];
}

const MTLS = 'rimrock.mtls';
const UPSTREAMS = 'rimrock.upstreams';
const UPSTREAM = /^([^\s,:/=]+\/)?([^\s,:/=]+)(?::([A-Za-z0-9._-]+))?$/;
const MOST_UPSTREAMS = 50;

/** What is wrong with one label of a task, in words; undefined: nothing, or it is none of these. */
export function meshLabelProblem(label: string, value: string): string | undefined {
  if (label === MTLS) return modeOf(value) === undefined ? modeProblem(value) : undefined;
  if (label !== UPSTREAMS) return undefined;
  const read = readUpstreams(value);
  return typeof read === 'string' ? read : undefined;
}

export const isMeshLabel = (label: string): boolean => label === MTLS || label === UPSTREAMS;

/** What the labels of a task ask for: `rimrock.mtls` and `rimrock.upstreams`; or, as text, what is wrong with them. */
export function readMeshLabels(labels: ReadonlyMap<string, string>): MeshWishes | string {
  const [asked = 'off', listed = ''] = [labels.get(MTLS), labels.get(UPSTREAMS)];
  const mode = modeOf(asked);
  if (mode === undefined) return `${MTLS}: ${modeProblem(asked)}`;
  const upstreams = readUpstreams(listed);
  return typeof upstreams === 'string' ? `${UPSTREAMS}: ${upstreams}` : { mode, upstreams };
}

const modeOf = (value: string): MtlsMode | undefined => MODES.find((mode) => mode === value.trim());

function modeProblem(value: string): string {
  const near = nearest(value.trim(), MODES);
  return `'${value}' is none of ${MODES.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`;
}

/** `server, marathon/api:http`: names or keys of services, each with a port after a colon or without, which means the first. */
function readUpstreams(value: string): readonly UpstreamWish[] | string {
  const wishes = new Map<string, UpstreamWish>();
  if (value.trim() === '') return [];
  for (const text of value.split(',').map((part) => part.trim())) {
    const [, framework = '', name = '', port = '0'] = UPSTREAM.exec(text) ?? [];
    if (name === '') return `'${text}' is not a service: write server, server:http or marathon/server`;
    const variable = `RIMROCK_UPSTREAM_${text.replace(/[^A-Za-z0-9]+/g, '_').toUpperCase()}`;
    if (wishes.has(variable)) return `two of them would be told by ${variable}`;
    wishes.set(variable, { service: framework + name, port, variable });
  }
  if (wishes.size > MOST_UPSTREAMS) return `more than ${MOST_UPSTREAMS} services`;
  return [...wishes.values()];
}
