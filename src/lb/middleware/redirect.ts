import { FieldId } from '../http1/index.ts';
import type { RedirectMiddleware } from '../router/middleware.ts';
import { compileRegex } from '../router/regex.ts';
import type { CompiledRegex } from '../router/regex.ts';
import type { Refusal, Step, Visit } from './types.ts';

interface Address {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  /** As it is written; undefined: none is. */
  readonly port: number | undefined;
}

/** Sends the client to another URL; nothing happens where that would be the very URL of the request. */
export function redirect(definition: RedirectMiddleware): Step {
  const compiled = definition.regex === undefined ? undefined : compileRegex(definition.regex);
  const check = (visit: Visit): Refusal | undefined => {
    const { target } = visit.request;
    if (!target.startsWith('/') || typeof compiled === 'string') return undefined;
    const toTarget = newTarget(target, compiled, definition.path);
    if (toTarget === undefined) return undefined;
    const from = addressOf(visit);
    const to = newAddress(from, definition);
    if (toTarget === target && sameAddress(from, to)) return undefined;
    const authority = to.port === undefined ? to.host : `${to.host}:${to.port}`;
    const location = `${to.scheme}://${authority}${toTarget}`;
    const { status } = definition;
    return { reason: 'redirected', status, fields: `Location: ${location}\r\n`, detail: location };
  };
  return { check, peek: check };
}

/** Path and query; undefined: the path is not meant. */
function newTarget(
  target: string,
  regex: CompiledRegex | undefined,
  path: string | undefined,
): string | undefined {
  const query = target.indexOf('?');
  const before = query < 0 ? target : target.slice(0, query);
  if (regex !== undefined && !regex.fits(before)) return undefined;
  if (path === undefined) return target;
  const to = regex?.expand(before, path) ?? path;
  return to.includes('?') || query < 0 ? to : to + target.slice(query);
}

/** Of the request, with the port as the client wrote it in Host. */
function addressOf({ head, request, secure }: Visit): Address {
  const { fields } = head;
  const port = /:([0-9]+)$/.exec(fields.value(fields.find(FieldId.HOST)))?.[1];
  return {
    scheme: secure ? 'https' : 'http',
    host: request.host,
    port: port === undefined ? undefined : Number(port),
  };
}

/** A port belongs to its scheme: with another one, it is not kept. */
function newAddress(
  from: Address,
  { scheme = from.scheme, host = from.host, port }: RedirectMiddleware,
): Address {
  return { scheme, host, port: port ?? (scheme === from.scheme ? from.port : undefined) };
}

function sameAddress(a: Address, b: Address): boolean {
  const portOf = ({ port, scheme }: Address): number => port ?? (scheme === 'https' ? 443 : 80);
  return a.scheme === b.scheme && a.host === b.host && portOf(a) === portOf(b);
}
