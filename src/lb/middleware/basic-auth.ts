import { FieldId } from '../http1/index.ts';
import type { Fields } from '../http1/index.ts';
import type { BasicAuthMiddleware } from '../router/middleware.ts';
import type { Held, Refusal, Step, VerifyPasswords, Visit } from './types.ts';

/** Longer ones are wrong; hashing takes time that grows with their length. */
const PASSWORD_BYTES = 256;

interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** HTTP Basic authentication (RFC 7617). A password is worked out once, in slices, and then known for a while. */
export function basicAuth({ realm, users }: BasicAuthMiddleware, verifier: VerifyPasswords): Step {
  const hashes = new Map(users.map(({ name, hash }) => [name, hash]));
  // Who is not known costs what the first user costs, so that names cannot be told by the time.
  const someHash = users[0]?.hash ?? '';
  const challenge = `WWW-Authenticate: Basic realm="${realm}", charset="UTF-8"\r\n`;
  const asked: Refusal = { reason: 'auth-required', fields: challenge };
  const wrong: Refusal = { reason: 'auth-wrong', fields: challenge };
  const judge = (visit: Visit): { known: boolean | undefined; hash: string; password: string } | Refusal => {
    const credentials = credentialsOf(visit.head.fields);
    if (credentials === undefined) return asked;
    const { name, password } = credentials;
    if (Buffer.byteLength(password) > PASSWORD_BYTES) return wrong;
    const hash = hashes.get(name);
    const known = verifier.known(hash ?? someHash, password);
    return { known: known === true ? hash !== undefined : known, hash: hash ?? someHash, password };
  };
  return {
    check: (visit): Refusal | Held | undefined => {
      const found = judge(visit);
      if ('reason' in found) return found;
      if (found.known !== undefined) return found.known ? undefined : wrong;
      let resume: () => void = () => {};
      const taken = verifier.verify(found.hash, found.password, () => resume());
      if (!taken) return { reason: 'auth-busy', detail: 'ask again in a moment' };
      return { hold: (f) => (resume = f) };
    },
    peek: (visit) => {
      const found = judge(visit);
      if ('reason' in found) return found;
      if (found.known === undefined) return 'the password would be verified';
      return found.known ? undefined : wrong;
    },
  };
}

/** User and password of the only Authorization field; the octets are UTF-8. */
function credentialsOf(fields: Fields): Credentials | undefined {
  if (!fields.has(FieldId.AUTHORIZATION) || fields.countOf(FieldId.AUTHORIZATION) !== 1) return undefined;
  const parts = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(fields.value(fields.find(FieldId.AUTHORIZATION)));
  if (parts === null) return undefined;
  const text = Buffer.from(parts[1] ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
