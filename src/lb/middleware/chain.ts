import type { HstsMiddleware, Middleware } from '../router/middleware.ts';
import type { Route } from '../router/index.ts';
import { CHUNKED } from '../http1/index.ts';
import { basicAuth } from './basic-auth.ts';
import { SummedChanges } from './headers.ts';
import { ipFilter } from './ip-filter.ts';
import { ResponseChanges } from './passage.ts';
import type { Passage } from './passage.ts';
import { rateLimit } from './rate-limit.ts';
import { redirect } from './redirect.ts';
import { rewrite } from './rewrite.ts';
import type { Held, MiddlewareParts, Refusal, Step, Visit } from './types.ts';

/** A refusal with what the middlewares before the refusing one do to its answer. */
export interface Refused extends Refusal {
  readonly passage: Passage;
}

/** What one middleware would do with a request, for explanations. */
export interface StepTrace {
  readonly middleware: Middleware['kind'];
  readonly outcome: 'passes' | 'changes' | 'refuses' | 'not-reached';
  readonly detail?: string;
}

interface Link {
  readonly kind: Middleware['kind'];
  readonly step: Step;
  /** What has been changed up to here, in the clear and over TLS. */
  readonly passage: readonly [plain: Passage, secure: Passage];
}

/** The middlewares of one route, compiled: steps that may refuse, and all header changes summed up. */
export class Chain {
  readonly #links: readonly Link[];
  readonly #passage: readonly [plain: Passage, secure: Passage];

  /** `name` is that of the route. */
  constructor(middlewares: readonly Middleware[], parts: MiddlewareParts, name: string) {
    this.#links = middlewares.map((middleware, i) => ({
      kind: middleware.kind,
      step: stepOf(middleware, parts, `${name} ${i}`),
      passage: passages(middlewares.slice(0, i)),
    }));
    this.#passage = passages(middlewares);
  }

  /** Let a request through, changed; refuse it; or have it wait. */
  run(visit: Visit): Passage | Refused | Held {
    const side = visit.secure ? 1 : 0;
    for (const { step, passage } of this.#links) {
      const verdict = step.check(visit);
      if (verdict === undefined) continue;
      return 'hold' in verdict ? verdict : { ...verdict, passage: passage[side] };
    }
    return withHost(this.#passage[side], visit);
  }

  /** What `run` would do, step by step, without doing it. */
  explain(visit: Visit): { readonly steps: readonly StepTrace[]; readonly refusal: Refusal | undefined } {
    let refusal: Refusal | undefined;
    const steps = this.#links.map(({ kind, step }): StepTrace => {
      if (refusal !== undefined) return { middleware: kind, outcome: 'not-reached' };
      const before = visit.request.target;
      const found = step.peek(visit);
      if (typeof found === 'object') {
        refusal = found;
        const { reason, detail } = found;
        return {
          middleware: kind,
          outcome: 'refuses',
          detail: detail === undefined ? reason : `${reason}: ${detail}`,
        };
      }
      if (found !== undefined) return { middleware: kind, outcome: 'passes', detail: found };
      const { target } = visit.request;
      if (target !== before) return { middleware: kind, outcome: 'changes', detail: `path is now ${target}` };
      return { middleware: kind, outcome: changesFields(kind) ? 'changes' : 'passes' };
    });
    return { steps, refusal };
  }
}

const changesFields = (kind: Middleware['kind']): boolean => kind === 'headers' || kind === 'hsts';

const NOTHING: Step = { check: () => undefined, peek: () => undefined };

function stepOf(middleware: Middleware, parts: MiddlewareParts, name: string): Step {
  switch (middleware.kind) {
    case 'redirect':
      return redirect(middleware);
    case 'rewrite':
      return rewrite(middleware) ?? NOTHING;
    case 'basicAuth':
      return basicAuth(middleware, parts.verifier);
    case 'ipFilter':
      return ipFilter(middleware);
    case 'rateLimit':
      return rateLimit(middleware, name, parts);
    case 'bodyLimit':
      return bodyLimit(middleware.bytes);
    case 'headers':
    case 'hsts':
      return NOTHING;
  }
}

/** Refuses what says beforehand that it is too large; the rest is counted while it comes (`Passage.bodyLimit`). */
function bodyLimit(bytes: number): Step {
  const check = ({ request: { body } }: Visit): Refusal | undefined =>
    body === CHUNKED || body <= bytes
      ? undefined
      : { reason: 'body-over-route-limit', detail: `${body} bytes, at most ${bytes}` };
  return { check, peek: check };
}

function passages(middlewares: readonly Middleware[]): readonly [plain: Passage, secure: Passage] {
  return [passageOf(middlewares, false), passageOf(middlewares, true)];
}

/** All that is the same for every request. On the answer the last middleware comes first. */
function passageOf(middlewares: readonly Middleware[], secure: boolean): Passage {
  const request = new SummedChanges();
  const response = new SummedChanges();
  let bytes = Number.POSITIVE_INFINITY;
  let locationPrefix = '';
  for (const middleware of middlewares) {
    if (middleware.kind === 'headers') request.apply(middleware.request);
    if (middleware.kind === 'basicAuth' && middleware.removeHeader)
      request.apply({ remove: ['authorization'], set: [], add: [] });
    if (middleware.kind === 'bodyLimit') bytes = Math.min(bytes, middleware.bytes);
  }
  for (const middleware of middlewares.toReversed()) {
    if (middleware.kind === 'headers') response.apply(middleware.response);
    if (middleware.kind === 'hsts' && secure) response.apply(hstsField(middleware));
    if (middleware.kind === 'rewrite' && middleware.locationPrefix !== undefined)
      locationPrefix = `${middleware.locationPrefix.replace(/\/$/, '')}${locationPrefix}`;
  }
  const { drop, lines } = response;
  const changed = drop.size > 0 || lines !== '' || locationPrefix !== '';
  return {
    drop: request.drop.size > 0 ? request.drop : undefined,
    requestLines: request.lines,
    bodyLimit: bytes,
    response: changed ? new ResponseChanges({ drop, lines, locationPrefix }) : undefined,
  };
}

function hstsField({ maxAgeSeconds, includeSubdomains }: HstsMiddleware): {
  remove: [];
  set: [string, string][];
  add: [];
} {
  const value = `max-age=${maxAgeSeconds}${includeSubdomains ? '; includeSubDomains' : ''}`;
  return { remove: [], set: [['strict-transport-security', value]], add: [] };
}

function withHost(passage: Passage, { request }: Visit): Passage {
  const { response } = passage;
  const own = response?.forHost(request.host);
  return own === response ? passage : { ...passage, response: own };
}

/** Chains by route: compiled with the first request of each, forgotten with the route. */
export class Chains {
  readonly #parts: MiddlewareParts;
  readonly #chains = new WeakMap<Route, Chain>();

  constructor(parts: MiddlewareParts) {
    this.#parts = parts;
  }

  of(route: Route): Chain {
    const known = this.#chains.get(route);
    if (known !== undefined) return known;
    const made = new Chain(route.middlewares, this.#parts, route.id);
    this.#chains.set(route, made);
    return made;
  }
}
