import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Sessions, Session } from '../tokens/sessions.ts';
import type { Tokens } from '../tokens/tokens.ts';
import type { Directory } from './directory.ts';
import type { Guesses } from './guesses.ts';
import type { Passwords } from './passwords.ts';
import { passwordProblem, SUPERUSERS } from './records.ts';
import type { User } from './records.ts';
import { isRefusal, refusals } from './refusals.ts';
import type { IamRefusal } from './refusals.ts';

export interface LoginParts {
  readonly directory: Directory;
  readonly passwords: Passwords;
  readonly guesses: Guesses;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly shortestPassword: number;
}

/** What somebody sent to log in. */
export interface LoginRequest {
  readonly uid?: string;
  readonly password?: string;
  /** A JWT of a service account. */
  readonly token?: string;
  /** Replaces the password in the same step; a one-time password is good for nothing else. */
  readonly newPassword?: string;
}

export interface LoggedIn {
  readonly user: User;
  readonly token: string;
  readonly session: Session;
}

/** The same words for every reason: nobody learns which accounts there are. */
const WRONG = 'the uid is not known, or the password or token is wrong';

/** Logs people and services in, and changes their passwords. */
export class Logins {
  readonly counts = { ok: 0, wrong: 0, throttled: 0, busy: 0 };
  readonly #parts: LoginParts;

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  async login(request: LoginRequest, address: string): Promise<LoggedIn | IamRefusal> {
    const { uid, password, token } = request;
    const user =
      token !== undefined
        ? await this.#byToken(token, uid)
        : await this.#byPassword(uid ?? '', password ?? '', address, request.newPassword);
    if (isRefusal(user)) return this.#counted(user);
    const { directory, sessions, tokens } = this.#parts;
    const session = await sessions.open(user.uid, token === undefined ? 'password' : 'service-key', address);
    // The account may have changed since it was looked at; then what ended its sessions has not seen this one.
    const now = directory.user(user.uid);
    if (now?.passwordHash !== user.passwordHash || now?.publicKey !== user.publicKey) {
      await sessions.end(session.id);
      return this.#counted(refusals.credentials(WRONG));
    }
    this.counts.ok++;
    return { user, session, token: await tokens.sign(session) };
  }

  /**
   * Set a password; `current` undefined where a superuser does it for somebody else. Every other session of the account ends:
   * whoever knew the old password is out.
   */
  async setPassword(
    uid: string,
    password: string,
    proof: { readonly current: string; readonly address: string } | undefined,
    keepSession?: string,
  ): Promise<IamRefusal | undefined> {
    const problem = passwordProblem(password, this.#parts.shortestPassword);
    if (problem) return problem;
    if (proof) {
      const checked = await this.#check(uid, proof.current, proof.address);
      if (isRefusal(checked)) return this.#counted(checked);
    }
    return this.#replace(uid, password, false, keepSession);
  }

  /** The hash of a password that is checked already. */
  async hash(password: string): Promise<string | IamRefusal> {
    const hash = await this.#parts.passwords.hash(password);
    return hash ?? refusals.busy('too many passwords are being checked: try again');
  }

  async #byToken(token: string, uid: string | undefined): Promise<User | IamRefusal> {
    const { directory, tokens } = this.#parts;
    const user = directory.user(uid ?? claimedUid(token));
    const claims = user?.publicKey && (await tokens.verifyLogin(token, user.publicKey));
    if (!user || !claims || claims['uid'] !== user.uid) return refusals.credentials(WRONG);
    return user;
  }

  async #byPassword(
    uid: string,
    password: string,
    address: string,
    newPassword: string | undefined,
  ): Promise<User | IamRefusal> {
    const user = await this.#check(uid, password, address);
    if (isRefusal(user)) return user;
    if (newPassword === undefined)
      return user.mustChangePassword === true
        ? refusals.passwordChange('this password is good once: send `new_password` with it')
        : user;
    if (newPassword === password) return refusals.invalid('new_password: is the same as the old one');
    const problem =
      passwordProblem(newPassword, this.#parts.shortestPassword) ??
      (await this.#replace(uid, newPassword, false));
    return problem ?? this.#parts.directory.user(uid) ?? refusals.credentials(WRONG);
  }

  /** The account, if that is its password. The same work and answer for an account that is not there. */
  async #check(uid: string, password: string, address: string): Promise<User | IamRefusal> {
    const { directory, guesses, passwords } = this.#parts;
    const wait = guesses.begin(uid, address);
    if (wait !== undefined) return refusals.tooManyGuesses(wait);
    const user = directory.user(uid);
    const right = await passwords.verify(user?.passwordHash, password);
    if (right === true && user) {
      guesses.right(uid, address);
      return user;
    }
    if (right === 'busy') guesses.notMade(uid, address);
    return right === 'busy'
      ? refusals.busy('too many passwords are being checked: try again')
      : refusals.credentials(WRONG);
  }

  async #replace(
    uid: string,
    password: string,
    mustChange: boolean,
    keepSession?: string,
  ): Promise<IamRefusal | undefined> {
    const hash = await this.hash(password);
    if (isRefusal(hash)) return hash;
    const { directory, sessions } = this.#parts;
    const problem = await directory.changeUser(uid, ({ mustChangePassword: _, publicKey: __, ...user }) => ({
      ...user,
      passwordHash: hash,
      ...(mustChange && { mustChangePassword: true }),
    }));
    if (!problem) await sessions.endAll(uid, keepSession);
    return problem;
  }

  /**
   * See to it that somebody can look after accounts: where there is no superuser, or `reset` asks for it, the account `admin` gets a password
   * that is good once, which comes back; undefined when there was nothing to do.
   */
  async ensureAdmin(random: Random, reset: boolean): Promise<string | undefined> {
    const { directory, clock } = this.#parts;
    if (!reset && (directory.group(SUPERUSERS)?.members.length ?? 0) > 0) return undefined;
    const password = oneTimePassword(random);
    if (!directory.group(SUPERUSERS)) await directory.addGroup(SUPERUSERS, 'may do everything to accounts');
    if (!directory.user(ADMIN))
      await directory.addUser({ uid: ADMIN, description: 'the first account', createdMs: clock.now() });
    await this.#replace(ADMIN, password, true);
    // Last: without a superuser the next start does it again, with a password that is shown.
    await directory.addMember(SUPERUSERS, ADMIN);
    return password;
  }

  #counted(refusal: IamRefusal): IamRefusal {
    if (refusal.status === 401) this.counts.wrong++;
    if (refusal.status === 429) this.counts.throttled++;
    if (refusal.status === 503) this.counts.busy++;
    return refusal;
  }
}

export const ADMIN = 'admin';

/** Whom a token says it is from, before anything of it is verified. */
function claimedUid(token: string): string {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const uid = typeof claims === 'object' && claims !== null && 'uid' in claims ? claims.uid : '';
    return typeof uid === 'string' ? uid : '';
  } catch {
    return '';
  }
}

/** 80 bits, in letters and digits that cannot be mistaken for each other. */
function oneTimePassword(random: Random): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  const text = Array.from(random.bytes(16), (byte) => letters[byte & 31]).join('');
  return (text.match(/.{4}/g) ?? []).join('-');
}
