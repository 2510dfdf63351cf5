import type { MarathonConfig } from '../config.ts';
import type { Refusal } from '../deployments/changes.ts';
import type { App } from './app.ts';
import { buildApp } from './build.ts';
import { decodeApp } from './decode.ts';
import { isObject } from './json.ts';
import { mergeUpdate, versionAskedFor, versionProblem } from './merge.ts';
import { absolutePath } from './paths.ts';
import { appDefinitionJson } from './present.ts';
import type { AppRegistry } from './registry.ts';
import { appPorts } from './ports.ts';

export type Edited = { readonly kind: 'app'; readonly app: App } | Refusal;

export interface EditOptions {
  readonly version: string;
  /** Lay the body over the existing app (the default of PUT and PATCH) instead of replacing it. */
  readonly partial: boolean;
  /** Service ports that apps earlier in the same change have taken. */
  readonly alsoUsed?: ReadonlySet<number>;
}

/** Makes apps out of what clients send. */
export class AppEditor {
  readonly #registry: AppRegistry;
  readonly #config: MarathonConfig;

  constructor(registry: AppRegistry, config: MarathonConfig) {
    this.#registry = registry;
    this.#config = config;
  }

  /** The app that `body` asks for under `id`, existing or new. */
  edit(id: string | undefined, body: unknown, options: EditOptions): Edited {
    if (id === undefined) return this.#build('', body, options); // the decoder says what is wrong with the id
    const existing = this.#registry.get(id);
    const bodyId = isObject(body) && typeof body['id'] === 'string' ? absolutePath(body['id']) : id;
    if (bodyId !== id)
      return {
        kind: 'invalid',
        problems: [{ path: '/id', error: `must be '${id}', as in the path, or left out` }],
      };
    if (existing && isObject(body)) {
      const old = versionAskedFor(body);
      if (old !== undefined) return this.#restore(existing, old, options);
    }
    if (!existing || !options.partial)
      return this.#build(id, isObject(body) ? { ...body, id } : body, options);
    if (!isObject(body)) return this.#build(id, body, options);
    const { merged, problems } = mergeUpdate(existing, body);
    const version = versionProblem(existing, body);
    const all = version ? [version, ...problems] : problems;
    const built = this.#build(id, merged, options);
    if (all.length === 0) return built;
    return { kind: 'invalid', problems: [...all, ...(built.kind === 'invalid' ? built.problems : [])] };
  }

  #restore(existing: App, version: string, options: EditOptions): Edited {
    const old = this.#registry.version(existing.id, version);
    if (!old)
      return {
        kind: 'refused',
        status: 404,
        message: `App '${existing.id}' does not have the version '${version}'`,
      };
    return this.#build(existing.id, appDefinitionJson(old), options);
  }

  #build(id: string, definition: unknown, options: EditOptions): Edited {
    const limits = { mesosRole: this.#config.mesosRole, features: this.#config.enableFeatures };
    const decoded = decodeApp(definition, limits);
    if (!decoded.ok) return { kind: 'invalid', problems: decoded.problems };
    const built = buildApp(decoded.app, {
      existing: this.#registry.get(id),
      usedPorts: this.#usedPorts(id, options.alsoUsed),
      portRange: { min: this.#config.localPortMin, max: this.#config.localPortMax },
      mesosRole: this.#config.mesosRole,
      version: options.version,
    });
    return built.ok
      ? { kind: 'app', app: built.app }
      : { kind: 'refused', status: 422, message: built.message };
  }

  #usedPorts(id: string, also: ReadonlySet<number> | undefined): Set<number> {
    const used = new Set(also);
    for (const app of this.#registry.all())
      if (app.id !== id) for (const { servicePort } of appPorts(app)) used.add(servicePort);
    return used;
  }
}
