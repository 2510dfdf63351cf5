import { createPublicKey } from 'node:crypto';
import { authErrors } from '../errors.ts';
import {
  keyIdOf,
  makeAuthority,
  makeCsr,
  makeKeyPair,
  makeSerial,
  readSigner,
  validityWithin,
} from '../x509/make.ts';
import { BACKDATE_MS } from './parts.ts';
import type { AuthorityParts } from './parts.ts';
import { intermediateKeyName, rootKeyName } from './state.ts';
import type { Intermediate, Root } from './state.ts';

/** Makes authorities: their keys are in the key store before anybody hears of them. */
export class Foundry {
  readonly #parts: AuthorityParts;

  constructor(parts: AuthorityParts) {
    this.#parts = parts;
  }

  async makeRoot(): Promise<Root> {
    const { settings, clock, random, keys } = this.#parts;
    const { privateKey, id } = newKey();
    const validity = validityWithin(undefined, clock.now(), settings.rootMs, BACKDATE_MS);
    if (!validity) throw authErrors.AUTH_CA_ENDED({ what: 'the life of roots' });
    const certificate = makeAuthority({
      ...validity,
      commonName: this.#nameFor('root', id),
      uri: this.#uri,
      serial: makeSerial(random),
      pathLength: 1,
      privateKey,
    });
    await keys.write(rootKeyName(id), privateKey);
    return { id, certificate, ...validity, own: true };
  }

  /** Below a root of ours. Rejects with AUTH_CA_NOT_HERE, AUTH_CA_ENDED. */
  async makeIntermediate(root: Root): Promise<Intermediate> {
    const { settings, clock, random, keys } = this.#parts;
    const rootKey = await keys.read(rootKeyName(root.id));
    if (rootKey === undefined) throw authErrors.AUTH_CA_NOT_HERE({ name: rootKeyName(root.id) });
    const validity = validityWithin(root, clock.now(), settings.intermediateMs, BACKDATE_MS);
    if (!validity) throw authErrors.AUTH_CA_ENDED({ what: 'the root' });
    const { privateKey, id } = newKey();
    const request = {
      ...validity,
      commonName: this.#nameFor('intermediate', id),
      uri: this.#uri,
      serial: makeSerial(random),
      pathLength: 0,
      privateKey,
    };
    const certificate = makeAuthority(request, readSigner(root.certificate, rootKey));
    await keys.write(intermediateKeyName(id), privateKey);
    return { id, certificate, ...validity };
  }

  /** A key that a foreign authority is to sign, and the request for that. */
  async makeRequest(): Promise<{ readonly id: string; readonly csr: string }> {
    const { privateKey, id } = newKey();
    await this.#parts.keys.write(intermediateKeyName(id), privateKey);
    const commonName = this.#nameFor('intermediate', id);
    return { id, csr: makeCsr({ commonName, uri: this.#uri }, privateKey) };
  }

  get #uri(): string {
    return `spiffe://${this.#parts.settings.trustDomain}`;
  }

  /** Each has a name of its own, so that issuers are found by name. */
  #nameFor(what: string, id: string): string {
    return `${this.#parts.settings.trustDomain.slice(0, 40)} ${what} ${id.slice(0, 8)}`;
  }
}

function newKey(): { readonly privateKey: string; readonly id: string } {
  const { privateKey, publicKey } = makeKeyPair();
  return { privateKey, id: keyIdOf(createPublicKey(publicKey)).toString('hex') };
}
