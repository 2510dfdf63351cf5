import { asNumber, asText, at, member } from '../model/index.ts';
import type { CatalogPort } from './types.ts';

/** A service that a framework says it has, whether or not anything runs for it at the moment. */
export interface Declaration {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly ports: readonly CatalogPort[];
}

export type ReadDeclaration =
  | { readonly ok: true; readonly value: Declaration }
  | { readonly ok: false; readonly reason: string };

/**
 * The value of one `rimrock.service` label of a framework:
 * `{"name": "web", "labels": {"HAPROXY_GROUP": "external"}, "ports": [{"name": "http", "protocol": "tcp"}]}`.
 * A port may also give its `number`; without one it is 0 (only instances know).
 */
export function readDeclaration(text: string): ReadDeclaration {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return no('is not JSON');
  }
  const name = asText(member(json, 'name'));
  if (name === undefined || name === '') return no('has no name');
  const labels = readLabelObject(member(json, 'labels'));
  if (typeof labels === 'string') return no(labels);
  const ports: unknown = member(json, 'ports') ?? [];
  if (!Array.isArray(ports)) return no('has ports that are not a list');
  return { ok: true, value: { name, labels, ports: ports.map(readPort) } };
}

function no(reason: string): ReadDeclaration {
  return { ok: false, reason: `the declaration of a service ${reason}` };
}

function readLabelObject(json: unknown): ReadonlyMap<string, string> | string {
  const labels = new Map<string, string>();
  if (json === undefined || json === null) return labels;
  if (typeof json !== 'object' || Array.isArray(json)) return 'has labels that are not an object';
  for (const [key, value] of Object.entries(json)) {
    if (typeof value !== 'string') return `has label '${key}' with a value that is not text`;
    labels.set(key, value);
  }
  return labels;
}

function readPort(json: unknown): CatalogPort {
  const number = asNumber(at(json, 'number')) ?? 0;
  const labels = readLabelObject(member(json, 'labels'));
  return {
    number: Number.isInteger(number) ? number : 0,
    name: asText(member(json, 'name')) ?? '',
    protocol: asText(member(json, 'protocol')) ?? '',
    labels: typeof labels === 'string' ? new Map() : labels,
  };
}
