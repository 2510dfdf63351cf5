import { Mirror } from './mirror.ts';
import type { MirrorParts } from './mirror.ts';
import { idProblem, SUPERUSERS } from './records.ts';
import type { Group, User } from './records.ts';
import { isRefusal, refusals } from './refusals.ts';
import type { IamRefusal } from './refusals.ts';

/** How often a change that somebody else overtook is tried again. */
const TRIES = 8;

const MOST_MEMBERS = 10_000;

/**
 * Who there is: people, service accounts and groups, kept in the store and read from memory. What cannot be done comes back as a refusal;
 * a failing store rejects.
 */
export class Directory {
  readonly #users: Mirror<User>;
  readonly #groups: Mirror<Group>;
  /** Groups of each member, as of a version of the groups. */
  #memberships: { readonly version: number; readonly of: ReadonlyMap<string, readonly string[]> } = {
    version: -1,
    of: new Map(),
  };

  constructor(parts: MirrorParts) {
    this.#users = new Mirror(parts, 'auth/users/');
    this.#groups = new Mirror(parts, 'auth/groups/');
  }

  async start(): Promise<void> {
    await Promise.all([this.#users.start(), this.#groups.start()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#users.stop(), this.#groups.stop()]);
  }

  user(uid: string): User | undefined {
    return this.#users.get(uid)?.value;
  }

  group(gid: string): Group | undefined {
    return this.#groups.get(gid)?.value;
  }

  get counts(): { readonly users: number; readonly groups: number } {
    return { users: this.#users.size, groups: this.#groups.size };
  }

  /** By uid. */
  users(): readonly User[] {
    return sorted(this.#users, 'uid');
  }

  groups(): readonly Group[] {
    return sorted(this.#groups, 'gid');
  }

  /** Gids, sorted. */
  groupsOf(uid: string): readonly string[] {
    const { version } = this.#groups;
    if (this.#memberships.version !== version) {
      const of = new Map<string, string[]>();
      for (const { gid, members } of this.groups())
        for (const member of members) of.set(member, [...(of.get(member) ?? []), gid]);
      this.#memberships = { version, of };
    }
    return this.#memberships.of.get(uid) ?? [];
  }

  isSuperuser(uid: string): boolean {
    return this.groupsOf(uid).includes(SUPERUSERS);
  }

  async addUser(user: User): Promise<IamRefusal | undefined> {
    const problem = idProblem('uid', user.uid);
    if (problem) return problem;
    const added = await this.#users.put(user.uid, 0, user);
    return added ? undefined : refusals.exists(`user '${user.uid}' exists already`);
  }

  async changeUser(uid: string, change: (user: User) => User): Promise<IamRefusal | undefined> {
    return edit(this.#users, uid, change, refusals.unknownUser(`there is no user '${uid}'`));
  }

  /** Leaves its groups first: nobody who gets this uid later shall have them. */
  async deleteUser(uid: string): Promise<IamRefusal | undefined> {
    if (!this.#users.get(uid)) return refusals.unknownUser(`there is no user '${uid}'`);
    // The one that may not go without a successor first: a refusal changes nothing.
    const groups = this.groupsOf(uid).toSorted((a, b) => Number(b === SUPERUSERS) - Number(a === SUPERUSERS));
    for (const gid of groups) {
      const problem = await this.removeMember(gid, uid);
      if (problem && problem.status !== 404) return problem;
    }
    return (await this.#users.delete(uid)) ? undefined : refusals.unknownUser(`there is no user '${uid}'`);
  }

  async addGroup(gid: string, description: string): Promise<IamRefusal | undefined> {
    const problem = idProblem('gid', gid);
    if (problem) return problem;
    const added = await this.#groups.put(gid, 0, { gid, description, members: [] });
    return added ? undefined : refusals.exists(`group '${gid}' exists already`);
  }

  async describeGroup(gid: string, description: string): Promise<IamRefusal | undefined> {
    return this.#changeGroup(gid, (group) => ({ ...group, description }));
  }

  async deleteGroup(gid: string): Promise<IamRefusal | undefined> {
    if (gid === SUPERUSERS)
      return refusals.lastSuperuser(`group '${SUPERUSERS}' stays: it looks after accounts`);
    const deleted = await this.#groups.delete(gid);
    return deleted ? undefined : refusals.unknownGroup(`there is no group '${gid}'`);
  }

  async addMember(gid: string, uid: string): Promise<IamRefusal | undefined> {
    if (!this.#users.get(uid)) return refusals.unknownUser(`there is no user '${uid}'`);
    return this.#changeGroup(gid, (group) => {
      if (group.members.includes(uid)) return refusals.exists(`'${uid}' is in group '${gid}' already`);
      if (group.members.length >= MOST_MEMBERS)
        return refusals.invalid(`members: a group has at most ${MOST_MEMBERS}`);
      return { ...group, members: [...group.members, uid].sort() };
    });
  }

  async removeMember(gid: string, uid: string): Promise<IamRefusal | undefined> {
    return this.#changeGroup(gid, (group) => {
      if (!group.members.includes(uid)) return refusals.unknownUser(`'${uid}' is not in group '${gid}'`);
      if (gid === SUPERUSERS && group.members.length === 1)
        return refusals.lastSuperuser(`'${uid}' is the last one in group '${SUPERUSERS}'`);
      return { ...group, members: group.members.filter((member) => member !== uid) };
    });
  }

  #changeGroup(gid: string, change: (group: Group) => Group | IamRefusal): Promise<IamRefusal | undefined> {
    return edit(this.#groups, gid, change, refusals.unknownGroup(`there is no group '${gid}'`));
  }
}

async function edit<T>(
  mirror: Mirror<T>,
  id: string,
  change: (value: T) => T | IamRefusal,
  unknown: IamRefusal,
): Promise<IamRefusal | undefined> {
  for (let tried = 0; tried < TRIES; tried++) {
    const before = mirror.get(id);
    if (before === undefined) return unknown;
    const after = change(before.value);
    if (isRefusal(after)) return after;
    if (await mirror.put(id, before.revision, after)) return undefined;
    // The news of what overtook this is on its way.
    await new Promise<void>((soon) => void setImmediate(soon));
  }
  return refusals.contended(`'${id}' changes all the time: try again`);
}

function sorted<T>(mirror: Mirror<T>, key: keyof T): readonly T[] {
  const values = Array.from(mirror.entries(), ([, { value }]) => value);
  return values.sort((a, b) => (a[key] < b[key] ? -1 : 1));
}
